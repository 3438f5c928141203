# Two commands: `make demo` and `make test`. Both set up whatever is missing first.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
WEB    := viewer_api/web
FONTS  := worklist/reports/fonts
PYTEST_WORKERS ?= 2

.PHONY: demo test setup check format bench soak clean system-packages
.DEFAULT_GOAL := demo

demo: setup            ## everything on this machine, with made-up hospitals and studies
	@$(BIN)/farlight demo

test: setup $(VENV)/.test system-packages check   ## everything is checked, the browser tests included
	@$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

setup: $(VENV)/.installed $(FONTS)/NotoSansSC_400Regular.ttf $(WEB)/dist/index.html   ## virtual environment, fonts, web build

check: $(VENV)/.test   ## format, lint, types, import law, types of the web application
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@npm --prefix $(WEB) run --silent check
	@npm --prefix $(WEB) test --silent

format: $(VENV)/.test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup $(VENV)/.test   ## figures; see docs/measurements.md
	@$(BIN)/python -m bench

soak: setup $(VENV)/.test system-packages   ## long runs: kill rounds, each told as it goes; broken files and conversations
	@FARLIGHT_TEST_KILL_ROUNDS=100 $(BIN)/pytest --timeout 7200 -o log_cli=true tests/flows/test_kill.py
	@FARLIGHT_TEST_FUZZ_ROUNDS=2000 FARLIGHT_TEST_FUZZ_SEED=$${FARLIGHT_TEST_FUZZ_SEED:-$$(date +%Y%m%d)} \
		$(BIN)/pytest --timeout 7200 -s tests/flows/test_file_fuzz.py tests/dicom_node/test_stream_fuzz.py

system-packages:
	@scripts/system-packages

clean:
	rm -rf $(VENV) $(WEB)/dist $(WEB)/node_modules $(FONTS)/*.ttf .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml $(BIN)/python
	@echo "installing Farlight into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	@echo "installing the test tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(FONTS)/NotoSansSC_400Regular.ttf: $(FONTS)/package-lock.json
	@echo "fetching the report's typefaces"
	@cd $(FONTS) && npm ci --silent --no-audit --no-fund && npm run --silent place && touch NotoSansSC_400Regular.ttf

WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(wildcard $(WEB)/*.json $(WEB)/*.ts $(WEB)/*.html)
$(WEB)/dist/index.html: $(WEB)/package-lock.json $(WEB_SOURCES)
	@echo "building the web application"
	@cd $(WEB) && npm ci --silent --no-audit --no-fund && npm run --silent build
	@touch $@

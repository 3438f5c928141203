"""What the documents name exists: make targets, commands and their options, settings, addresses, files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from farlight.cli import app as command_line
from farlight.settings import PREFIX, Settings
from storage.archive import Archive
from viewer_api.app import create_app
from worklist.transitions import RULES, Side

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
HTTP_API = ROOT / "docs" / "http-api.md"
LARGEST = {"architecture.svg": 30 << 10, "reading.png": 350 << 10}
KNOWN_HOSTS = {"127.0.0.1", "keepachangelog.com", "semver.org"}
"""Where a document may lead to, beside itself."""

_FENCE = re.compile(r"^\s*```.*?^\s*```", re.M | re.S)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"""\]\(<?([^)\s>]+)>?\)|(?:src|href|srcset)=["']([^"']+)["']""")
_METHOD = r"GET|POST|PUT|DELETE|PATCH"


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def code_of(document: Path) -> Iterator[str]:
    """The lines of a document that are code: fenced blocks, and what stands between backticks."""
    text = document.read_text(encoding="utf-8")
    for block in _FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    yield from _INLINE.findall(_FENCE.sub("", text))


def named(pattern: str, documents: list[Path] = DOCUMENTS) -> dict[str, str]:
    """What the first group of `pattern` finds in code, each with the document that says it."""
    found: dict[str, str] = {}
    for document in documents:
        for line in code_of(document):
            found.update(dict.fromkeys(re.findall(pattern, line), name_of(document)))
    return found


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    wanted = named(r"\bmake ([a-z-]+)")
    assert {"demo", "test"} <= set(named(r"\bmake ([a-z-]+)", [ROOT / "README.md"]))
    assert {target: where for target, where in wanted.items() if target not in targets} == {}


def test_every_command_and_option_exists() -> None:
    root = typer.main.get_command(command_line)
    wanted = named(r"(?:^|[ /])farlight ((?:[a-z][a-z-]*)(?: .*)?)$")
    assert {"demo", "serve", "db upgrade"} <= set(wanted)
    troubles = {f"{where}: {line}": why for line, where in wanted.items() if (why := wrong_in(root, line))}
    assert troubles == {}


def wrong_in(root: Any, line: str) -> str:
    """What is wrong with a command line after the word `farlight`; empty if nothing is."""
    command, words = root, shlex.split(line.split("#")[0].split(" | ")[0])
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        sub = command.commands.get(words[0])
        if sub is None:
            return f"there is no command {words[0]}"
        command, words = sub, words[1:]
    known = {name for parameter in command.params for name in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in {*known, "--help"}]
    return f"there is no option {unknown[0]}" if unknown else ""


def test_a_command_that_does_not_exist_is_found_out() -> None:
    root = typer.main.get_command(command_line)
    assert wrong_in(root, "network apply network.toml") == ""
    assert wrong_in(root, "network forget KASHI") == "there is no command forget"
    assert wrong_in(root, "serve --fast") == "there is no option --fast"


def test_every_setting_named_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    wanted = named(rf"\b({PREFIX}[A-Z_]+)\b")
    ours = {name: where for name, where in wanted.items() if not name.startswith(f"{PREFIX}TEST_")}
    assert {f"{where}: {name}" for name, where in ours.items() if name not in known} == set()


def plain(path: str) -> str:
    """A route's pattern without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def served(archive: Archive) -> set[tuple[str, str]]:
    described = create_app(archive).openapi()["paths"]
    return {(method.upper(), plain(path)) for path, methods in described.items() for method in methods}


def documented() -> set[tuple[str, str]]:
    """What `docs/http-api.md` names; a row may name a further form of its address by its ending alone."""
    found = set()
    for line in HTTP_API.read_text(encoding="utf-8").splitlines():
        for method, path in re.findall(rf"`({_METHOD}) (/api/[^`?\s]+)", line):
            found.add((method, plain(path)))
            stem = path.rpartition(".")[0]
            endings = re.findall(r"`(\.[a-z]+)`", line) if stem else []
            found |= {(method, plain(stem + ending)) for ending in endings}
    return found


def test_the_api_is_the_documented_one(archive: Archive) -> None:
    existing = {(method, path) for method, path in served(archive) if path.startswith("/api/")}
    assert documented() - existing == set(), "documented and not there"
    assert existing - documented() == set(), "there and not documented"


_MEDIA_TYPE = re.compile(r"\*/|(application|audio|image|model|multipart|text|video)/")


def test_pixels_are_where_the_documents_say(archive: Archive) -> None:
    paths = {path for _, path in served(archive)}
    text = HTTP_API.read_text(encoding="utf-8").partition("## Pixels")[2]
    said = [path for path in _INLINE.findall(text) if "/" in path and not _MEDIA_TYPE.match(path)]
    wanted = [plain(path.removeprefix("GET ").partition("?")[0]) for path in said]
    assert len(wanted) > 3
    for path in wanted:
        end = path.removeprefix("…").removesuffix("…").rstrip("/")
        assert any(end in one if path.endswith("…") else one.endswith(end) for one in paths), path


def test_every_command_of_a_request_is_documented() -> None:
    there = {rule.command.value for rule in RULES if rule.side is not Side.SYSTEM}
    text = HTTP_API.read_text(encoding="utf-8").partition("### Commands")[2].partition("\n#")[0]
    rows = set(re.findall(r"^\| `([a-z-]+)`", text, re.M))
    assert rows <= there
    assert there - set(re.findall(r"`([a-z-]+)`", text)) == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", document.read_text(encoding="utf-8")))
    links = ["".join(pair) for pair in _LINK.findall(text)]
    missing = [link for link in links if is_relative(link) and not target_of(document, link).exists()]
    assert missing == []


def is_relative(link: str) -> bool:
    return not re.match(r"[a-z]+:|#", link)


def target_of(document: Path, link: str) -> Path:
    return document.parent / unquote(link.partition("#")[0])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_no_document_leads_to_one_machine_or_an_unknown_host(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    own = re.findall(r"(?<![\w.…}])/(?:work|root|home|tmp|Users|mnt)/\S*", text)
    hosts = set(re.findall(r"https?://([^/:\s)>\"'`]+)", text)) - KNOWN_HOSTS
    assert (own, hosts) == ([], set())


def test_pictures_are_small_and_need_nothing_else() -> None:
    images = ROOT / "docs" / "images"
    assert {path.name for path in images.iterdir()} == set(LARGEST)
    for name, largest in LARGEST.items():
        assert (images / name).stat().st_size < largest
    drawing = (images / "architecture.svg").read_text(encoding="utf-8")
    assert "<script" not in drawing
    assert set(re.findall(r'(?:href|src)="([^"#]+)', drawing)) == set()


def test_every_decision_is_listed() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = (decisions / "README.md").read_text(encoding="utf-8")
    pages = sorted(decisions.glob("0*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert f"]({page.name})" in listed
        assert page.read_text(encoding="utf-8").startswith(f"# {page.name[:4]}: ")

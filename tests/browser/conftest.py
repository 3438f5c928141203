"""A real browser against the running program; every test fails on a console error or a failed request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Screen
from playwright.sync_api import Browser, sync_playwright
from running import Program, tool

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, started once for a file of tests."""
    running = Program(tmp_path_factory.mktemp("served")).prepare().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, as Debian ships it."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=tool("chromium"), args=CHROMIUM_ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where a test leaves what it saw, for people to look at."""
    folder = Path(request.config.rootpath) / "test-results" / request.node.name.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def screens(browser: Browser, served: Program, pictures: Path) -> Iterator[list[Screen]]:
    """Screens opened by the test; each is checked for errors at the end."""
    opened: list[Screen] = []
    yield opened
    for screen in opened:
        screen.close()
        assert screen.troubles == []

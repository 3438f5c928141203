"""Fixtures that all tests share: the two pairs of stores, an archive, and the running program."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pairs import BOTH, Embedded, Pair, Servers
from running import NETWORK, PASSWORD, Program

from farlight.network import apply_network, parse_network
from storage.archive import Archive
from storage.database import Database


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that keep something run on both pairs, where `BOTH` says so."""
    if "pair" in metafunc.fixturenames:
        folder = metafunc.definition.path.relative_to(Path(__file__).parent).parts[0]
        names = ["embedded", "servers"] if folder in BOTH else ["embedded"]
        metafunc.parametrize("pair", names, indirect=True, scope="module")


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    """SQLite and a folder."""
    return Embedded(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and S3, each started when it is first wanted."""
    both = Servers(tmp_path_factory.mktemp("s3"))
    yield both
    both.stop()


@pytest.fixture(scope="module")
def pair(request: pytest.FixtureRequest) -> Pair:
    """One pair of stores after the other."""
    found: Pair = request.getfixturevalue(request.param)
    return found


def with_network(database: Database) -> None:
    """The tests' hospitals and people."""
    declared = tomllib.loads(NETWORK.read_text().replace("PACS_PORT", "11113"))
    apply_network(database, parse_network(declared, "network.toml"), {"TEST_PASSWORD": PASSWORD})


@pytest.fixture(scope="session")
def prepared_database(embedded: Embedded) -> Path:
    """A database file with the tests' hospitals and people, to be copied."""
    return embedded.prepared(with_network)


@pytest.fixture
def archive(tmp_path: Path, pair: Pair) -> Iterator[Archive]:
    """An archive of its own, with the tests' hospitals and people."""
    with pair.place(tmp_path, with_network) as place:
        opened = place.open()
        yield opened
        opened.close()


@pytest.fixture
def program(tmp_path: Path, pair: Pair) -> Iterator[Program]:
    """The program, started over empty stores with the tests' network."""
    with pair.place(tmp_path / "data") as place:
        running = Program(tmp_path, place).prepare().start()
        yield running
        running.stop()

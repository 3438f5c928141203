"""Fixtures that all tests share: an archive in a folder, and the running program."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import NETWORK, PASSWORD, Program

from farlight.network import apply_network, parse_network
from storage.archive import Archive, open_archive
from storage.database import Database
from storage.migrations import upgrade


@pytest.fixture(scope="session")
def prepared_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tests' hospitals and people, made once and copied for each test."""
    path = tmp_path_factory.mktemp("prepared") / "farlight.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    declared = tomllib.loads(NETWORK.read_text().replace("PACS_PORT", "11113"))
    apply_network(database, parse_network(declared, "network.toml"), {"TEST_PASSWORD": PASSWORD})
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture
def archive(tmp_path: Path, prepared_database: Path) -> Iterator[Archive]:
    """An archive in a folder of its own, with the tests' hospitals and people."""
    shutil.copy(prepared_database, tmp_path / "farlight.db")
    opened = open_archive(f"sqlite:///{tmp_path / 'farlight.db'}", f"file://{tmp_path / 'blobs'}", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """The program, started over an empty folder with the tests' network."""
    running = Program(tmp_path).prepare().start()
    yield running
    running.stop()

"""The migrations build what the tables say, and nothing else, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pairs import Pair
from sqlalchemy import inspect

from storage.database import Database
from storage.errors import Unavailable
from storage.migrations import current_revision, newest_revision, require_current, upgrade
from storage.tables import metadata
from worklist.tables import request
from worklist.transitions import OVER


@pytest.fixture
def database(tmp_path: Path, pair: Pair) -> Iterator[Database]:
    """An empty one."""
    with pair.place(tmp_path) as place:
        opened = Database(place.database_url)
        yield opened
        opened.close()


def test_migrations_and_tables_agree(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_upgrading_twice_is_harmless(database: Database) -> None:
    upgrade(database)
    upgrade(database)
    assert current_revision(database) == newest_revision()


def test_processes_that_upgrade_at_once_wait_for_each_other(database: Database) -> None:
    processes = [Database(database.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(upgrade, processes)) == [None] * 4
    for process in processes:
        process.close()
    assert current_revision(database) == newest_revision()


def test_an_old_schema_says_what_to_do(database: Database) -> None:
    with pytest.raises(Unavailable, match="farlight db upgrade"):
        require_current(database)


def test_what_is_over_is_not_open_to_the_schema_either(database: Database) -> None:
    """The partial index that keeps a study's open request the only one names the states of the state machine."""
    upgrade(database)
    over = ", ".join(sorted((f"'{state.value}'" for state in OVER), reverse=True))
    (declared,) = (index for index in request.indexes if index.name == "uq_request_open")
    for options in declared.dialect_options.values():
        assert str(options["where"]) == f"state NOT IN ({over})"
    with database.read() as connection:
        (index,) = (i for i in inspect(connection).get_indexes("request") if i["name"] == "uq_request_open")
    where = str(next(v for k, v in index["dialect_options"].items() if k.endswith("_where")))
    assert all(f"'{state.value}'" in where for state in OVER)
    assert index["unique"]

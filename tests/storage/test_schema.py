"""The migrations build what the tables say, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import worklist.tables  # noqa: F401 - its tables belong to the same schema
from storage.database import Database
from storage.errors import Unavailable
from storage.migrations import current_revision, newest_revision, require_current, upgrade
from storage.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'empty.db'}")


def test_migrations_and_tables_agree(database: Database) -> None:
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_upgrading_twice_is_harmless(database: Database) -> None:
    upgrade(database)
    upgrade(database)
    assert current_revision(database) == newest_revision()
    database.close()


def test_an_old_schema_says_what_to_do(database: Database) -> None:
    with pytest.raises(Unavailable, match="farlight db upgrade"):
        require_current(database)
    database.close()

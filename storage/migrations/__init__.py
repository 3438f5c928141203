"""The schema's history (Alembic), one for SQLite and PostgreSQL, and the two things done with it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import Database
from storage.errors import Unavailable
from storage.locks import Lock, serialize


def upgrade(database: Database) -> None:
    """Bring the schema to the newest revision; harmless if it is there."""
    with database.write() as connection:
        _wait_as_long_as_it_takes(connection)
        serialize(connection, Lock.MIGRATION)  # several processes may start at once
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(database: Database) -> str:
    """The revision the database is at, empty for an empty database."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def newest_revision() -> str:
    """The revision this program wants."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def require_current(database: Database) -> None:
    """Raise `Unavailable`, saying what to do, unless the schema is the one this program knows."""
    found, wanted = current_revision(database), newest_revision()
    if found != wanted:
        raise Unavailable(
            f"the database is at revision {found or 'none'}, this program needs {wanted}: run 'farlight db upgrade'"
        )


def _wait_as_long_as_it_takes(connection: Connection) -> None:
    """A migration of a large table takes long, and so does waiting for one."""
    if connection.dialect.name == "postgresql":
        for timeout in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"set local {timeout} = 0"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config

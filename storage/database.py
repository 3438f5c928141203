"""One door to the database: short reads, and writes that stand or fall as a whole.

SQLite (write-ahead log, full sync) on a laptop, PostgreSQL at scale; the tables and the statements are the same.
A write transaction on SQLite takes the write lock when it begins, so that two of them queue instead of failing
half-way; threads and processes queue on locks of ours first, which are fairer than SQLite's polling. PostgreSQL
writes side by side (READ COMMITTED): whoever judges a row before changing it locks it (``with_for_update``), and
whoever appends to a feed holds its lock (`storage.locks`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.schema import Table

from storage import postgresql as postgresql_database
from storage import sqlite as sqlite_database
from storage.errors import Corrupt, Invalid, Unavailable


class Database:
    """An engine and the two ways to use it. Safe to share between threads; make one per process.

    `url` is ``sqlite:///path`` or ``postgresql://user:password@host/name``. Raises `Invalid` for another one.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._write_lock = threading.Lock()
        self._writer: Connection | None = None

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries alone. Raises `Unavailable` when the database is away."""
        with self._availability(), self.engine.connect() as connection:
            if not self.embedded:
                connection.execution_options(postgresql_readonly=True)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends without an error and undone otherwise.

        Raises `Unavailable` if the database is away, full, or chose this transaction to give way to another.
        """
        if not self.embedded:
            with self._availability(), self.engine.begin() as connection:
                yield connection
            return
        with self._write_lock, self._availability(), sqlite_database.turn(self.engine.url):
            writer = self._open_writer()
            try:
                with writer.begin():
                    yield writer
            except DBAPIError:
                self._close_writer()  # whatever became of it, the next one begins anew
                raise

    def insert_ignoring(self, connection: Connection, table: Table, **values: Any) -> bool:
        """Insert a row unless a unique key has it already; tells whether it was inserted."""
        return insert_ignoring(connection, table, **values)

    def check(self) -> None:
        """Raise `Unavailable` unless a query is answered."""
        with self.read() as connection:
            connection.execute(text("select 1"))

    def doubts(self) -> list[str]:
        """What the server is set to that a promise of ours would not survive, in sentences; SQLite is set by us."""
        if self.embedded:
            return []
        with self.read() as connection:
            return postgresql_database.doubts(connection)

    def close(self) -> None:
        """Give all connections back."""
        with self._write_lock:
            self._close_writer()
        self.engine.dispose()

    def _open_writer(self) -> Connection:
        """SQLite's one connection for writing; only who has the lock may use it."""
        if self._writer is None or self._writer.closed:
            options = {sqlite_database.FOR_WRITING: True}
            self._writer = self.engine.connect().execution_options(**options)
        return self._writer

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @contextmanager
    def _availability(self) -> Iterator[None]:
        """Errors of the driver in our terms; what is none of them is a bug and stays what it is."""
        kind = sqlite_database if self.embedded else postgresql_database
        try:
            yield
        except PoolTimeout as why:
            raise Unavailable("every connection to the database is in use") from why
        except DBAPIError as why:
            if kind.is_damaged(why):
                raise Corrupt(f"the database is damaged: {_reason(why)}") from why
            if kind.is_away(why):
                raise Unavailable(f"the database does not answer: {_reason(why)}") from why
            raise


def insert_ignoring(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert a row unless a unique key has it already; tells whether it was inserted."""
    statement = _insert_unless_there(connection, table, values).execution_options(preserve_rowcount=True)
    return connection.execute(statement).rowcount == 1


def insert_new(connection: Connection, table: Table, **values: Any) -> int | None:
    """Insert a row and return its number; None if a unique key has it already."""
    statement = _insert_unless_there(connection, table, values).returning(table.c.id)
    number: int | None = connection.execute(statement).scalar_one_or_none()
    return number


def _insert_unless_there(connection: Connection, table: Table, values: dict[str, Any]) -> Any:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return make(table).values(**values).on_conflict_do_nothing()


def _reason(why: DBAPIError) -> str:
    """The driver's own words without the statement; several hosts have several reasons."""
    lines = [line.strip(" -\t") for line in str(why.orig).splitlines()]
    return "; ".join(filter(None, lines))[:500] or type(why.orig).__name__


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as why:
        raise Invalid("FARLIGHT_DATABASE_URL is no address of a database") from why
    if parsed.drivername == "sqlite":
        return sqlite_database.sqlite_engine(parsed)
    if parsed.drivername in ("postgresql", "postgres"):
        return postgresql_database.postgresql_engine(parsed)
    raise Invalid(
        f"FARLIGHT_DATABASE_URL: {parsed.drivername}:// is no database we know;"
        " use sqlite:///path or postgresql://user:password@host/name"
    )

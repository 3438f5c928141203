"""One door to the database: short reads, and writes that have it to themselves.

SQLite (write-ahead log, full sync) on a laptop, PostgreSQL at scale; the tables and the statements are the same.
A write transaction on SQLite takes the write lock when it begins, so that two of them queue instead of failing
half-way; threads of one process queue on a lock of ours first, which is fairer than SQLite's polling.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import Table

from storage.errors import Unavailable

BUSY_TIMEOUT_S = 30


class Database:
    """An engine and the two ways to use it. Safe to share between threads; make one per process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._write_lock = threading.Lock()

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries. Raises `Unavailable` when the database is away."""
        with _availability(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, durable when the block ends without an error and undone otherwise."""
        if not self.embedded:
            with _availability(), self.engine.begin() as connection:
                yield connection
            return
        with self._write_lock, _availability():
            writer = self.engine.execution_options(farlight_write=True)
            with writer.begin() as connection:
                yield connection

    def insert_ignoring(self, connection: Connection, table: Table, **values: Any) -> bool:
        """Insert a row unless a unique key has it already; tells whether it was inserted."""
        make = sqlite.insert if self.embedded else postgresql.insert
        statement = make(table).values(**values).on_conflict_do_nothing()
        return connection.execute(statement).rowcount == 1

    def check(self) -> None:
        """Raise `Unavailable` unless a query is answered."""
        with self.read() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _availability() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as why:
        raise Unavailable(f"the database does not answer: {_first_line(why)}") from why


def _first_line(why: DBAPIError) -> str:
    return str(why.orig).splitlines()[0] if str(why.orig) else type(why.orig).__name__


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        driven = url.replace("postgresql://", "postgresql+psycopg://", 1)
        # parameters may be patient data, and errors end in logs
        return create_engine(driven, pool_pre_ping=True, hide_parameters=True)
    path = url.removeprefix("sqlite:///")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=48,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver would delay it
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit is answered after fsync, or it is no promise
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("farlight_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

"""SQLite: an engine whose transactions begin when we say so and whose commits are on disk."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from storage.errors import Unavailable

BUSY_TIMEOUT_S = 30
FOR_WRITING = "farlight_write"
"""The execution option of connections whose transactions take the write lock when they begin."""

_LOOK_AGAIN_S = 0.0001
_PERM, _BUSY, _LOCKED, _NOMEM, _READONLY, _IOERR, _FULL, _CANTOPEN, _PROTOCOL = 3, 5, 6, 7, 8, 10, 13, 14, 15
_AWAY = frozenset({_PERM, _BUSY, _LOCKED, _NOMEM, _READONLY, _IOERR, _FULL, _CANTOPEN, _PROTOCOL})
_DAMAGED = frozenset({11, 26})


def sqlite_engine(url: URL) -> Engine:
    """An engine for the file; its folder is made."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=16,
        max_overflow=48,
        hide_parameters=True,  # parameters may be patient data, and errors end in logs
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def turn(url: URL) -> Iterator[None]:
    """One process at a time writes. SQLite itself would let a process that finds another one writing sleep longer and
    longer; here it looks again every tenth of a millisecond. After `BUSY_TIMEOUT_S` SQLite's own lock decides.

    Raises `Unavailable` where the file that is locked cannot be opened.
    """
    if not url.database or url.database == ":memory:":
        yield
        return
    try:
        opened = os.open(f"{url.database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as why:
        raise Unavailable(f"the database cannot be locked: {why.strerror}") from why
    try:
        _wait_for(opened)
        yield
    finally:
        os.close(opened)  # this gives the lock back, as does the end of the process


def _wait_for(descriptor: int) -> None:
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_AGAIN_S)
        else:
            return


def is_away(why: DBAPIError) -> bool:
    """Whether the same statement may succeed later: the disk is full or away, or somebody else is writing."""
    return _primary_code(why) in _AWAY


def is_damaged(why: DBAPIError) -> bool:
    """Whether the file is no longer a database."""
    return _primary_code(why) in _DAMAGED


def _primary_code(why: DBAPIError) -> int:
    """SQLite's primary result code; the extended ones hold it in their lowest byte."""
    return int(getattr(why.orig, "sqlite_errorcode", 0)) & 0xFF


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver would delay it
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit is answered after fsync, or it is no promise
        "foreign_keys=ON",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(FOR_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

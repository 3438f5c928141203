"""Whether anything was committed since: one cheap question to the database that saves many.

Two equal answers of `Moments.now` mean that readers saw the same rows both times. What was read after the first still
holds at the second; what somebody changed, by whatever process or command, is never overlooked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Hashable

from storage.database import Database
from storage.errors import Unavailable


class Moments:
    """Asks one database. Safe to share between threads; make one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._held: sqlite3.Connection | None = None
        self._opened = 0
        self._begun = 0
        self._last: tuple[int, Hashable] = (0, None)

    def now(self) -> Hashable:
        """The name of what is to be seen now. Raises `Unavailable` when the database is away."""
        if not self._database.embedded:
            return self._snapshot()
        begun = self._begun
        with self._lock:
            if (
                self._last[0] <= begun
            ):  # else somebody began to ask after we came, whose answer is good for us
                self._begun += 1
                self._last = self._begun, self._data_version()
            return self._last[1]

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()

    def _snapshot(self) -> Hashable:
        """PostgreSQL tells which transactions are seen: the same ones, the same rows. One message there and back: no
        transaction is begun."""
        with self._database.read() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            return str(connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())

    def _data_version(self) -> Hashable:
        """SQLite counts for each connection what others have committed, so that it is always the same one that asks."""
        try:
            if self._held is None:
                path = self._database.engine.url.database or ":memory:"
                self._held = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
                self._opened += 1
            (version,) = self._held.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as why:
            self._drop()
            raise Unavailable("the database does not answer") from why
        return self._opened, version

    def _drop(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

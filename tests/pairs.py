"""The two pairs of stores that tests run on: SQLite with a folder, and real servers, PostgreSQL with S3.

A test that asks for `pair`, or for anything made from it, runs on both where `BOTH` says so. Servers are started when
the first test wants them, one of each per pytest process; every place is a database and a bucket of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol

from place import Place, embedded_place
from servers.postgres import PostgresServer
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server

from storage.blobs import S3Keys
from storage.database import Database
from storage.migrations import upgrade

BOTH = ("storage", "dicom_node", "flows", "worklist")
"""Folders of tests whose tests run on both pairs; those of the others run on the embedded one."""

Template = Callable[[Database], None]
"""Fills a migrated database; done once for each pair, and copied."""


class Pair(Protocol):
    """A database and a blob store that belong together."""

    name: str

    def place(self, data: Path, template: Template | None = None) -> AbstractContextManager[Place]:
        """A new place, gone when the context ends: without a template an empty database, else a filled copy."""


class Embedded:
    """SQLite and a folder."""

    name = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def place(self, data: Path, template: Template | None = None) -> Iterator[Place]:
        """See `Pair`."""
        data.mkdir(parents=True, exist_ok=True)
        if template is not None:
            shutil.copy(self.prepared(template), data / "farlight.db")
        yield embedded_place(data)

    def prepared(self, template: Template) -> Path:
        """The file that is copied."""
        path = self._folder / f"{template.__name__}.db"
        if not path.exists():
            _fill(f"sqlite:///{path}", template)
        return path


class Servers:
    """PostgreSQL and S3; durable ones sync what they acknowledge, and the objects survive the object daemon."""

    name = "servers"

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        self._buckets = 0

    @cached_property
    def postgres(self) -> PostgresServer:
        """The database server, started."""
        return PostgresServer(durable=self._durable).start()

    @cached_property
    def s3(self) -> S3Server:
        """The object store, started."""
        return S3Server(self._folder, memory=not self._durable).start()

    @contextmanager
    def place(self, data: Path, template: Template | None = None) -> Iterator[Place]:
        """See `Pair`."""
        data.mkdir(parents=True, exist_ok=True)
        name = self._database(template)
        self._buckets += 1
        bucket = self.s3.url(f"test-{self._buckets}")
        yield Place(data, self.postgres.url(name), bucket, S3Keys(ACCESS_KEY, SECRET_KEY))
        self.postgres.drop(name)

    def stop(self) -> None:
        """End what was started."""
        started = vars(self)
        if "postgres" in started:
            self.postgres.remove()
        if "s3" in started:
            self.s3.kill()

    def _database(self, template: Template | None) -> str:
        if template is None:
            return self.postgres.create()
        return self.postgres.copy_of(f"like_{template.__name__}", lambda url: _fill(url, template))


def _fill(url: str, template: Template) -> None:
    database = Database(url)
    upgrade(database)
    template(database)
    if database.embedded:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()

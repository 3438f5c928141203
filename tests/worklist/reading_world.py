"""A world of read requests: hospitals, people, one study, and a request in any wanted state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.data import get_testdata_file
from sqlalchemy import select, update

from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.tables import study
from worklist import arrivals
from worklist.commands import Order, perform
from worklist.people import Person, find_id, get_person
from worklist.requests import Request, load, load_visible
from worklist.tables import request
from worklist.transitions import Command, State

CONTENT = {"findings": "双肺纹理清晰。", "impression": "未见异常。", "positivity": "NEGATIVE"}


@dataclass
class World:
    """The archive and shorthands for people and commands."""

    archive: Archive

    def person(self, username: str) -> Person:
        with self.archive.database.read() as connection:
            return get_person(connection, find_id(connection, username), "127.0.0.1")

    def receive(self, site: str = "KASHI", name: str = "CT_small.dcm") -> int:
        """One study of `site`; its row number."""
        data = Path(str(get_testdata_file(name))).read_bytes()
        ingest_file(self.archive, data, Sender(site, "TEST"))
        with self.archive.database.read() as connection:
            return int(
                connection.execute(select(study.c.id).where(study.c.site == site)).scalars().first() or 0
            )

    def settle(self) -> None:
        """Everything has been quiet for long enough."""
        arrivals.run_once(self.archive, -1)
        arrivals.run_once(self.archive, -1)

    def only_request(self) -> Request:
        with self.archive.database.read() as connection:
            return load(connection, int(connection.execute(select(request.c.id)).scalars().one()))

    def give(self, username: str, command: Command, **order: Any) -> Request:
        """Carry out a command on the only request."""
        who, found = self.person(username), self.only_request()
        with self.archive.database.write() as connection:
            current = load_visible(connection, who, found.id, lock=True)
            return perform(connection, who, current, Order(command, **order))

    def put(self, state: State, **values: Any) -> Request:
        """Place the only request in a state, as a test of one command needs it."""
        found = self.only_request()
        with self.archive.database.write() as connection:
            connection.execute(
                update(request).where(request.c.id == found.id).values(state=state.value, **values)
            )
        return self.only_request()

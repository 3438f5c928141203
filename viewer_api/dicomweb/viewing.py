"""The record of who opened whose images (PS3.15 A.5.3.6), and of who took them away as files.

A study is opened by hundreds of requests; one row of the audit record an hour says as much. It is written by a thread
of its own, so that no picture waits for the record, and none fails when the record is away: what could not be written
stands in the log instead, and the next request about the study tries again.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Protocol

import structlog

from storage.audit import Act, append
from storage.database import Database
from storage.errors import Error
from viewer_api.access import Caller

log = structlog.get_logger(__name__)

VIEW, EXPORT = "view-images", "export-images"
NOTED_FOR_S = 3600.0
_MAX_ROLE, _MAX_ADDRESS = 64, 64

Key = tuple[str, ...]


class OfStudy(Protocol):
    """What is opened or taken away: an instance, or all of a series."""

    @property
    def site(self) -> str:
        """Whose it is."""

    @property
    def study_instance_uid(self) -> str:
        """Of the study."""


class Viewings:
    """What was noted of late, and the thread that writes it. Safe to share between threads; one per process.

    `clock` tells seconds; `max_noted` bounds what is remembered, `max_waiting` what is not written yet.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_noted: int = 10_000,
        max_waiting: int = 1000,
    ) -> None:
        self._clock = clock
        self._max_noted, self._max_waiting = max_noted, max_waiting
        self._noted: OrderedDict[Key, float] = OrderedDict()
        self._waiting = 0
        self._lock = threading.Lock()
        self._writer = ThreadPoolExecutor(
            1, "viewings"
        )  # joined when the program ends: what waits is written

    def note(self, caller: Caller, found: OfStudy, action: str) -> None:
        """One row, unless there was one within the hour. Returns at once and raises nothing."""
        act, database = _act(caller, found, action), caller.archive.database
        with self._lock:
            if not self._is_news(_key(database, act)):
                return
            has_room = self._waiting < self._max_waiting
            self._waiting += has_room
        if not has_room:
            self._failed(database, act, "too many wait to be written")
            return
        try:
            self._writer.submit(self._write, database, act)
        except RuntimeError:
            self._done()
            self._failed(database, act, "the program is ending")

    def settle(self) -> None:
        """Wait until all that was noted before is written."""
        self._writer.submit(int).result()

    def _is_news(self, key: Key) -> bool:
        now = self._clock()
        if now - self._noted.get(key, -NOTED_FOR_S) < NOTED_FOR_S:
            return False
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > self._max_noted:
            self._noted.popitem(last=False)
        return True

    def _write(self, database: Database, act: Act) -> None:
        try:
            with database.write() as connection:
                append(connection, act)
        except Exception as why:  # whatever it is, it ends in the log: nobody waits for this thread
            self._failed(database, act, why.message if isinstance(why, Error) else type(why).__name__)
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _failed(self, database: Database, act: Act, why: str) -> None:
        with self._lock:
            self._noted.pop(_key(database, act), None)
        told = {name: value for name, value in asdict(act).items() if value}
        log.warning("viewing_not_recorded", why=why, **told)


def _key(database: Database, act: Act) -> Key:
    """The person and the study; several databases are open in one process only in tests."""
    return database.url, act.action, act.actor, act.site, act.object_id


def _act(caller: Caller, found: OfStudy, action: str) -> Act:
    person = caller.person
    roles = ",".join(sorted({membership.role.value for membership in person.memberships}))
    return Act(
        action,
        "study",
        found.study_instance_uid,
        actor=person.username,
        role=roles[:_MAX_ROLE],
        site=found.site,
        address=person.address[:_MAX_ADDRESS],
    )


viewings = Viewings()


def viewed(caller: Caller, found: OfStudy) -> None:
    """The caller opens images of its study."""
    viewings.note(caller, found, VIEW)


def exported(caller: Caller, found: OfStudy) -> None:
    """The caller takes instances of its study as files."""
    viewings.note(caller, found, EXPORT)

"""From images to work: follows the change feed, sees a study go quiet, opens its request or wakes the one waiting.

Quiet is a hint, not proof: images that come later raise the study's epoch, the holder of the request sees it, and
nothing is signed over them unseen. A study of which somebody said how many images it has, and which lacks some, waits
for them a while before its request opens; then it opens all the same, labelled.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from storage.archive import Archive
from storage.changes import Change, announce_count, changes_after, move_cursor, read_cursor
from storage.completeness import Completeness
from storage.database import Database
from storage.links import is_sending
from storage.locks import Lock, serialize, take_if_free
from storage.questions import awaits_answer
from storage.tables import study
from worklist.agreements import Agreement, Priority, automatic_agreement
from worklist.commands import perform_as_system
from worklist.completeness import of_studies
from worklist.opening import open_by_itself
from worklist.requests import load
from worklist.tables import arrival, request
from worklist.transitions import HELD, Command, State

CONSUMER = "arrivals"
MISSING_SECONDS = 900.0
"""How long a quiet study waits for images that are known to be missing."""
ANSWER_WITHIN = timedelta(seconds=10)
"""So long a quiet study waits for its sender's answer how many images it has."""


def run_once(archive: Archive, quiet_seconds: float, missing_seconds: float = MISSING_SECONDS) -> int:
    """Follow the feed, then see to every study that has gone quiet. Returns how many steps were taken."""
    database = archive.database
    steps = _follow_feed(database)
    steps += _settle_quiet(database, quiet_seconds, timedelta(seconds=missing_seconds))
    return steps + _end_waits(database) + expire_claims(database)


def expire_claims(database: Database) -> int:
    """End claims whose lease has passed; the draft stays."""
    over = (request.c.state.in_([state.value for state in HELD]), request.c.lease_until <= datetime.now(UTC))
    with database.read() as connection:
        ids = list(connection.execute(select(request.c.id).where(*over)).scalars())
    return sum(_expire(database, request_id) for request_id in ids)


def _expire(database: Database, request_id: int) -> int:
    with database.write() as connection:
        found = load(connection, request_id, lock=True)
        over = found.lease_until is not None and found.lease_until <= datetime.now(UTC)
        if found.state not in HELD or not over:
            return 0  # a heartbeat or a release was faster
        perform_as_system(connection, found, Command.CLAIM_EXPIRED)
    return 1


def _follow_feed(database: Database) -> int:
    with database.read() as connection:
        if not changes_after(connection, read_cursor(connection, CONSUMER), limit=1):
            return 0
    with database.write() as connection:
        if not take_if_free(connection, Lock.ARRIVALS):
            return 0  # another worker is at it
        changes = changes_after(connection, read_cursor(connection, CONSUMER))
        newest = {change.study: change for change in changes if change.kind == "instance"}
        for change in newest.values():
            _note_arrival(database, connection, change)
        if changes:
            move_cursor(database, connection, CONSUMER, changes[-1].id)
    return len(changes)


def _note_arrival(database: Database, connection: Connection, change: Change) -> None:
    values = {"epoch": change.epoch, "last_at": change.at, "waits_until": None}
    if not database.insert_ignoring(connection, arrival, study=change.study, stable_epoch=0, **values):
        connection.execute(update(arrival).where(arrival.c.study == change.study).values(**values))


def _settle_quiet(database: Database, quiet_seconds: float, patience: timedelta) -> int:
    quiet_since = datetime.now(UTC) - timedelta(seconds=quiet_seconds)
    due = (arrival.c.stable_epoch < arrival.c.epoch, arrival.c.last_at <= quiet_since)
    with database.read() as connection:
        rows = list(connection.execute(select(arrival.c.study).where(*due)).scalars())
    settled = 0
    for row in rows:
        with database.write() as connection:
            settled += _settle(database, connection, row, quiet_since, patience)
    return settled


def _settle(
    database: Database, connection: Connection, study_row: int, quiet_since: datetime, patience: timedelta
) -> bool:
    """One study, looked at again under locks: an image may have come since or be on its way slowly, or another worker
    may have been faster."""
    serialize(connection, Lock.CHANGES)
    still = (arrival.c.study == study_row, arrival.c.stable_epoch < arrival.c.epoch)
    if connection.execute(select(arrival.c.study).where(*still).with_for_update()).first() is None:
        return False
    found = connection.execute(select(study).where(study.c.id == study_row)).one()
    sending = is_sending(connection, found.site, found.study_instance_uid, datetime.now(UTC))
    if found.last_received_at > quiet_since or sending:
        return False
    if found.last_received_at > quiet_since - ANSWER_WITHIN and _may_yet_be_counted(connection, found):
        return False
    quiet = {"stable_epoch": found.epoch, "epoch": found.epoch}
    connection.execute(update(arrival).where(arrival.c.study == study_row).values(**quiet))
    announce_count(connection, study.c.id == study_row)
    until = found.last_received_at + patience
    if (
        _lacks_images(connection, study_row)
        and until > datetime.now(UTC)
        and not _is_urgent(connection, found)
    ):
        connection.execute(update(arrival).where(arrival.c.study == study_row).values(waits_until=until))
        return True
    _ready(database, connection, found)
    return True


def _end_waits(database: Database) -> int:
    """Open what waited for missing images: they came, or nobody misses them any more, or the wait is over."""
    with database.read() as connection:
        waiting = select(arrival.c.study, arrival.c.waits_until).where(arrival.c.waits_until.is_not(None))
        rows = connection.execute(waiting).all()
        counts = of_studies(connection, [row.study for row in rows]) if rows else {}
    now = datetime.now(UTC)
    over = [
        row.study
        for row in rows
        if row.waits_until <= now or counts[row.study].state is not Completeness.INCOMPLETE
    ]
    return sum(_end_wait(database, study_row) for study_row in over)


def _end_wait(database: Database, study_row: int) -> bool:
    with database.write() as connection:
        waited = (arrival.c.study == study_row, arrival.c.waits_until.is_not(None))
        if not connection.execute(update(arrival).where(*waited).values(waits_until=None)).rowcount:
            return False  # an image came meanwhile: the study is to go quiet anew
        found = connection.execute(select(study).where(study.c.id == study_row)).one()
        _ready(database, connection, found)
    return True


def _lacks_images(connection: Connection, study_row: int) -> bool:
    return of_studies(connection, [study_row])[study_row].state is Completeness.INCOMPLETE


def _may_yet_be_counted(connection: Connection, found: Any) -> bool:
    """Whether its sender is just being asked how many images it has; an emergency does not wait for the answer."""
    asked = awaits_answer(connection, found.site, found.study_instance_uid)
    return asked and not _is_urgent(connection, found)


def _is_urgent(connection: Connection, study_row: Any) -> bool:
    """An emergency is read with what is there."""
    waiting = (request.c.study == study_row.id, request.c.state == State.WAITING_IMAGES.value)
    priorities = set(connection.execute(select(request.c.priority).where(*waiting)).scalars())
    agreed: Agreement | None = automatic_agreement(connection, study_row.site)
    if not priorities and agreed is not None:
        priorities = {agreed.priority}
    return Priority.EMERGENCY in priorities


def _ready(database: Database, connection: Connection, found: Any) -> None:
    """Wake the request that waits for this study, or open one."""
    if _wake_waiting(connection, found.id):
        return
    if _has_images(found) and not _has_request(connection, found.id):
        _open(database, connection, found)


_NOT_TO_READ = frozenset({"SR", "DOC", "KO", "PR", "PLAN"})


def _has_images(found: Any) -> bool:
    """A study of documents alone is nothing to read."""
    return bool(set(found.received_modalities.split("\\")) - _NOT_TO_READ)


def _wake_waiting(connection: Connection, study_row: int) -> bool:
    where = (request.c.study == study_row, request.c.state == State.WAITING_IMAGES.value)
    query = select(request.c.id).where(*where).with_for_update(key_share=True)
    waiting = list(connection.execute(query).scalars())
    for request_id in waiting:
        perform_as_system(connection, load(connection, request_id, lock=True), Command.IMAGES_READY)
    return bool(waiting)


def _has_request(connection: Connection, study_row: int) -> bool:
    """Whether the study has been asked for; a cancelled request counts: a person decided so."""
    query = select(func.count()).select_from(request).where(request.c.study == study_row)
    return bool(connection.execute(query).scalar_one())


def _open(database: Database, connection: Connection, study_row: Any) -> None:
    agreed = automatic_agreement(connection, study_row.site)
    if agreed is not None:
        open_by_itself(database, connection, study_row, agreed)

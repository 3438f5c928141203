"""From images to work: follows the change feed, sees a study go quiet, opens its request or wakes the one waiting.

Quiet is a hint, not proof: images that come later raise the study's epoch, the holder of the request sees it, and
nothing is signed over them unseen.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from storage.archive import Archive
from storage.changes import Change, changes_after, move_cursor, read_cursor
from storage.database import Database
from storage.tables import study
from worklist.agreements import automatic_agreement
from worklist.commands import perform_as_system
from worklist.opening import open_by_itself
from worklist.requests import load
from worklist.tables import arrival, request
from worklist.transitions import HELD, Command, State

CONSUMER = "arrivals"


def run_once(archive: Archive, quiet_seconds: float) -> int:
    """Follow the feed, then see to every study that has gone quiet. Returns how many steps were taken."""
    database = archive.database
    return _follow_feed(database) + _settle_quiet(database, quiet_seconds) + expire_claims(database)


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
        position = read_cursor(connection, CONSUMER)
        changes = changes_after(connection, position)
    if not changes:
        return 0
    newest = {change.study: change for change in changes if change.kind == "instance"}
    with database.write() as connection:
        for change in newest.values():
            _note_arrival(database, connection, change)
        move_cursor(database, connection, CONSUMER, changes[-1].id)
    return len(changes)


def _note_arrival(database: Database, connection: Connection, change: Change) -> None:
    values = {"epoch": change.epoch, "last_at": change.at}
    if not database.insert_ignoring(connection, arrival, study=change.study, stable_epoch=0, **values):
        connection.execute(update(arrival).where(arrival.c.study == change.study).values(**values))


def _settle_quiet(database: Database, quiet_seconds: float) -> int:
    quiet_since = datetime.now(UTC) - timedelta(seconds=quiet_seconds)
    due = (arrival.c.stable_epoch < arrival.c.epoch, arrival.c.last_at <= quiet_since)
    with database.read() as connection:
        rows = list(connection.execute(select(arrival.c.study).where(*due)).scalars())
    for row in rows:
        with database.write() as connection:
            _settle(database, connection, row, quiet_since)
    return len(rows)


def _settle(database: Database, connection: Connection, study_row: int, quiet_since: datetime) -> None:
    """One study, looked at again under the write lock: an image may have come since."""
    found = connection.execute(select(study).where(study.c.id == study_row)).one()
    if found.last_received_at > quiet_since:
        return
    connection.execute(
        update(arrival)
        .where(arrival.c.study == study_row)
        .values(stable_epoch=found.epoch, epoch=found.epoch)
    )
    if _wake_waiting(connection, study_row):
        return
    if _has_images(found) and not _has_request(connection, study_row):
        _open(database, connection, found)


_NOT_TO_READ = frozenset({"SR", "DOC", "KO", "PR", "PLAN"})


def _has_images(found: Any) -> bool:
    """A study of documents alone is nothing to read."""
    return bool(set(found.received_modalities.split("\\")) - _NOT_TO_READ)


def _wake_waiting(connection: Connection, study_row: int) -> bool:
    where = (request.c.study == study_row, request.c.state == State.WAITING_IMAGES.value)
    waiting = list(connection.execute(select(request.c.id).where(*where)).scalars())
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

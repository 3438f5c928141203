"""Storage commitment (PS3.4 Annex J): what senders asked us to answer for, and what became of each request.

A request is written down before it is answered, so that a crash loses none. Its report is made from what is here
when it is sent, not when it was asked for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, repeat
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from storage.archive import Archive
from storage.database import Database
from storage.expectations import commitment_asked
from storage.tables import commitment, instance

NO_SUCH_OBJECT_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
PROCESSING_FAILURE = 0x0110

BACK_OFF_S = (10, 60, 300, 1800, 7200, 21600)
"""Waits between attempts to report; the last one again and again."""
GIVE_UP_AFTER = timedelta(days=7)
TAKEN_FOR = timedelta(minutes=10)
"""A reporter that died is forgotten after this, and another one takes over."""
_MOST_TELLING = 5_000
"""A longer list is no evidence of a study's size: writing that down would hold up those who are sending."""
_AT_ONCE = 500
_STORES_ASKED_AT_ONCE = 8
"""An object store takes milliseconds to say whether it has a blob."""


class CommitmentState(StrEnum):
    """How far a request is."""

    WAITING = "WAITING"
    REPORTED = "REPORTED"
    UNDELIVERABLE = "UNDELIVERABLE"


@dataclass(frozen=True)
class Reference:
    """One instance as the sender names it."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Commitment:
    """A request of the node `ae_title` of a site, named by its transaction UID."""

    id: int
    site: str
    ae_title: str
    transaction_uid: str
    references: tuple[Reference, ...]
    number_not_held: int | None
    state: str
    attempts: int
    last_error: str
    requested_at: datetime
    next_attempt_at: datetime
    reported_at: datetime | None


@dataclass(frozen=True)
class Findings:
    """What we answer for, and what not with the Failure Reason (0008,1197) of each."""

    held: tuple[Reference, ...]
    failed: tuple[tuple[Reference, int], ...]


def ask(
    database: Database,
    *,
    site: str,
    ae_title: str,
    transaction_uid: str,
    references: Sequence[Reference],
    report_after: timedelta = timedelta(0),
) -> Commitment:
    """Write a request down, durably, and learn from it what studies should hold.

    The same transaction UID again replaces what it asked, and is reported anew.
    """
    now = datetime.now(UTC)
    key = {"site": site, "ae_title": ae_title, "transaction_uid": transaction_uid}
    values: dict[str, Any] = {
        "asked": _packed(references),
        "number_asked": len(references),
        "number_not_held": None,
        "state": CommitmentState.WAITING.value,
        "attempts": 0,
        "next_attempt_at": now + report_after,
        "last_error": "",
        "requested_at": now,
        "reported_at": None,
    }
    with database.write() as connection:
        if not database.insert_ignoring(connection, commitment, **key, **values):
            connection.execute(update(commitment).filter_by(**key).values(**values))
        if len(references) <= _MOST_TELLING:
            uids = [each.sop_instance_uid for each in references]
            commitment_asked(database, connection, site=site, sop_instance_uids=uids, at=now, who=ae_title)
        return _commitment(connection.execute(select(commitment).filter_by(**key)).one())


def take_due(
    database: Database, limit: int = 20, *, busy: Sequence[tuple[str, str]] = ()
) -> list[Commitment]:
    """Requests whose report is due, but of `busy` nodes (site, title); each is kept from other reporters for
    `TAKEN_FOR`."""
    now = datetime.now(UTC)
    is_due = (
        commitment.c.state == CommitmentState.WAITING.value,
        commitment.c.next_attempt_at <= now,
        *(or_(commitment.c.site != site, commitment.c.ae_title != title) for site, title in busy),
    )
    with database.read() as connection:
        if connection.execute(select(commitment.c.id).where(*is_due).limit(1)).first() is None:
            return []
    with database.write() as connection:
        query = select(commitment).where(*is_due).order_by(commitment.c.next_attempt_at).limit(limit)
        rows = connection.execute(query).all()
        return [_commitment(row) for row in rows if _take(connection, row, now)]


def _take(connection: Connection, row: Row[Any], now: datetime) -> bool:
    mine = (commitment.c.id == row.id, commitment.c.next_attempt_at == row.next_attempt_at)
    taken = update(commitment).where(*mine).values(next_attempt_at=now + TAKEN_FOR)
    return connection.execute(taken).rowcount == 1


def reported(database: Database, asked: Commitment, findings: Findings) -> None:
    """The sender has its report."""
    now = datetime.now(UTC)
    done = {"state": CommitmentState.REPORTED.value, "reported_at": now, "last_error": ""}
    _settle(database, asked, number_not_held=len(findings.failed), **done)


def postponed(database: Database, asked: Commitment, why: str, findings: Findings | None = None) -> None:
    """The report could not be brought; it is tried again until `GIVE_UP_AFTER`."""
    now = datetime.now(UTC)
    given_up = now - asked.requested_at > GIVE_UP_AFTER
    state = CommitmentState.UNDELIVERABLE if given_up else CommitmentState.WAITING
    wait_s = BACK_OFF_S[min(asked.attempts, len(BACK_OFF_S) - 1)]
    values: dict[str, Any] = {} if findings is None else {"number_not_held": len(findings.failed)}
    _settle(
        database,
        asked,
        state=state.value,
        attempts=asked.attempts + 1,
        next_attempt_at=now + timedelta(seconds=wait_s),
        last_error=why[:200],
        **values,
    )


def report_now(database: Database, asked: Commitment) -> None:
    """Make a waiting request due at once."""
    waiting = (commitment.c.id == asked.id, commitment.c.state == CommitmentState.WAITING.value)
    with database.write() as connection:
        connection.execute(update(commitment).where(*waiting).values(next_attempt_at=datetime.now(UTC)))


def _settle(database: Database, asked: Commitment, **values: Any) -> None:
    """Write down what became of it, unless it was asked again meanwhile."""
    same = (commitment.c.id == asked.id, commitment.c.requested_at == asked.requested_at)
    with database.write() as connection:
        connection.execute(update(commitment).where(*same).values(**values))


def verify(archive: Archive, asked: Commitment) -> Findings:
    """What of it is known to the site under this class, with its bytes in their place.

    Raises `Unavailable` when index or blob store is away.
    """
    held: list[Reference] = []
    failed: list[tuple[Reference, int]] = []
    with ThreadPoolExecutor(_STORES_ASKED_AT_ONCE, "commitment-verify") as pool:
        for some in _batches(asked.references):
            known = _known(archive, asked.site, some)
            rows = [known.get(each.sop_instance_uid) for each in some]
            for reference, reason in zip(
                some, pool.map(_failure_reason, repeat(archive), some, rows), strict=True
            ):
                if reason:
                    failed.append((reference, reason))
                else:
                    held.append(reference)
    return Findings(tuple(held), tuple(failed))


def _known(archive: Archive, site: str, references: Sequence[Reference]) -> dict[str, Any]:
    place = (instance.c.blob_key, instance.c.blob_offset, instance.c.length)
    query = select(instance.c.sop_instance_uid, instance.c.sop_class_uid, *place).where(
        instance.c.site == site,
        instance.c.sop_instance_uid.in_([each.sop_instance_uid for each in references]),
    )
    with archive.database.read() as connection:
        return {row.sop_instance_uid: row for row in connection.execute(query)}


def _failure_reason(archive: Archive, reference: Reference, row: Any) -> int:
    if row is None:
        return NO_SUCH_OBJECT_INSTANCE
    if row.sop_class_uid != reference.sop_class_uid:
        return CLASS_INSTANCE_CONFLICT
    return 0 if archive.blobs.holds(row.blob_key, row.blob_offset + row.length) else PROCESSING_FAILURE


def _batches(references: Iterable[Reference]) -> Iterator[list[Reference]]:
    waiting = iter(references)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some


def _packed(references: Sequence[Reference]) -> bytes:
    """UIDs repeat their roots, so that they pack ten to one."""
    pairs = [(each.sop_class_uid, each.sop_instance_uid) for each in references]
    return zlib.compress(json.dumps(pairs, separators=(",", ":")).encode(), 1)


def _commitment(row: Row[Any]) -> Commitment:
    plain = {name: row._mapping[name] for name in Commitment.__dataclass_fields__ if name != "references"}
    pairs = json.loads(zlib.decompress(row.asked))
    return Commitment(**plain, references=tuple(Reference(*pair) for pair in pairs))

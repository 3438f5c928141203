"""The outbox: each document of each report version to each node that wants it, in order, until it is there.

At least once, and recognisable: a document's SOP Instance UID depends on its version and format alone, so a repeat
is the same object to whoever gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import random
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, insert, or_, select, update

from storage import audit
from storage.database import Database
from storage.sites import Node
from worklist.tables import delivery, document, report_version

BACK_OFF = (1, 4, 20, 120, 720)
"""Waits between attempts, in units of the first one: 30 s, 2 min, 10 min, 1 h, then every 6 h."""
FIRST_RETRY_S = 30.0
GIVE_UP_AFTER = timedelta(hours=72)
SENDING_LASTS = timedelta(minutes=10)
"""A sender that died is forgotten after this, and another one takes over."""

WANTS = {"pdf": "report-pdf", "sr": "report-sr"}
"""Document format to the word in a node's `receives`."""


class DeliveryState(StrEnum):
    """SM-5."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    RETRY_WAIT = "RETRY_WAIT"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"


_WAITING = (DeliveryState.PENDING.value, DeliveryState.RETRY_WAIT.value)
_UNDONE = (*_WAITING, DeliveryState.SENDING.value)


@dataclass(frozen=True)
class Delivery:
    """One document on its way to one node."""

    id: int
    request: int
    format: str
    site: str
    sop_instance_uid: str
    ae_title: str
    host: str
    port: int
    attempts: int
    created_at: datetime


def enqueue(connection: Connection, request_id: int, documents: dict[str, int], nodes: list[Node]) -> None:
    """One delivery per document and node that receives its format, in the transaction that signs."""
    now = datetime.now(UTC)
    for node in nodes:
        for format_name, document_id in documents.items():
            if WANTS[format_name] in node.receives:
                values = {
                    "document": document_id,
                    "request": request_id,
                    "ae_title": node.ae_title,
                    "host": node.host,
                    "port": node.port,
                    "state": DeliveryState.PENDING.value,
                    "attempts": 0,
                    "next_attempt_at": now,
                    "last_error": "",
                    "created_at": now,
                }
                connection.execute(insert(delivery).values(**values))


def readdress(connection: Connection, node: Node) -> None:
    """What still waits for a node goes to where the node is now."""
    documents = select(document.c.id).where(document.c.site == node.site)
    waiting = (
        delivery.c.ae_title == node.ae_title,
        delivery.c.state.in_(_WAITING),
        delivery.c.document.in_(documents),
    )
    connection.execute(update(delivery).where(*waiting).values(host=node.host, port=node.port))


Place = tuple[str, str, int]
"""AE title, host and port of a destination."""


def take_due(database: Database, limit: int = 50, *, busy: Sequence[Place] = ()) -> list[Delivery]:
    """Take what is due for sending, but to `busy` destinations; each is marked SENDING, so that one sender has it."""
    now = datetime.now(UTC)
    with database.write() as connection:
        rows = connection.execute(_due_query(now).where(*map(_elsewhere, busy)).limit(limit)).all()
        taken = [row for row in rows if _mark_sending(connection, row, now)]
    return [Delivery(**row._mapping) for row in taken]


def _due_query(now: datetime) -> Any:
    """Due now, and nothing of an earlier version still on its way to the same node (I8)."""
    forgotten = and_(delivery.c.state == DeliveryState.SENDING.value, delivery.c.next_attempt_at <= now)
    due = and_(delivery.c.state.in_(_WAITING), delivery.c.next_attempt_at <= now)
    earlier = delivery.alias("earlier")
    its_document, its_version = document.alias("its_document"), report_version.alias("its_version")
    blocked = exists(
        select(earlier.c.id)
        .join(its_document, its_document.c.id == earlier.c.document)
        .join(its_version, its_version.c.id == its_document.c.report_version)
        .where(
            earlier.c.state.in_(_UNDONE),
            earlier.c.ae_title == delivery.c.ae_title,
            earlier.c.host == delivery.c.host,
            its_version.c.report == report_version.c.report,
            its_version.c.n < report_version.c.n,
        )
    )
    columns = [
        delivery.c[name] for name in ("id", "request", "ae_title", "host", "port", "attempts", "created_at")
    ]
    return (
        select(*columns, document.c.format, document.c.site, document.c.sop_instance_uid)
        .join(document, document.c.id == delivery.c.document)
        .join(report_version, report_version.c.id == document.c.report_version)
        .where(or_(due, forgotten), ~blocked)
        .order_by(delivery.c.next_attempt_at, delivery.c.id)
        .with_for_update(
            of=delivery, key_share=True, skip_locked=True
        )  # what another sender is taking is its
    )


def _elsewhere(place: Place) -> ColumnElement[bool]:
    ae_title, host, port = place
    return or_(delivery.c.ae_title != ae_title, delivery.c.host != host, delivery.c.port != port)


def _mark_sending(connection: Connection, row: Any, now: datetime) -> bool:
    unchanged = (
        delivery.c.id == row.id,
        delivery.c.attempts == row.attempts,
        delivery.c.state.in_(_UNDONE),
        delivery.c.next_attempt_at <= now,
    )
    values = {"state": DeliveryState.SENDING.value, "next_attempt_at": now + SENDING_LASTS}
    return connection.execute(update(delivery).where(*unchanged).values(**values)).rowcount == 1


def delivered(database: Database, sent: Delivery) -> None:
    """The node has it."""
    values = {
        "state": DeliveryState.DELIVERED.value,
        "delivered_at": datetime.now(UTC),
        "attempts": sent.attempts + 1,
        "last_error": "",
    }
    _finish(database, sent, values, "SUCCESS", "")


def failed(
    database: Database,
    sent: Delivery,
    why: str,
    *,
    permanent: bool = False,
    first_retry_s: float = FIRST_RETRY_S,
) -> None:
    """Try again later, or give up: at once for a permanent error, else after 72 hours."""
    now = datetime.now(UTC)
    over = permanent or now - sent.created_at > GIVE_UP_AFTER
    wait = first_retry_s * BACK_OFF[min(sent.attempts, len(BACK_OFF) - 1)]
    values = {
        "state": (DeliveryState.DEAD if over else DeliveryState.RETRY_WAIT).value,
        "attempts": sent.attempts + 1,
        "next_attempt_at": now + timedelta(seconds=wait * (1 + 0.2 * random())),  # noqa: S311 - jitter
        "last_error": why[:500],
    }
    _finish(database, sent, values, "FAILURE", why)


def _finish(database: Database, sent: Delivery, values: dict[str, Any], outcome: str, why: str) -> None:
    mine = (
        delivery.c.id == sent.id,
        delivery.c.state == DeliveryState.SENDING.value,
        delivery.c.attempts == sent.attempts,
    )
    with database.write() as connection:
        if connection.execute(update(delivery).where(*mine).values(**values)).rowcount == 0:
            return  # it took so long that another sender took over, whose word counts
        act = audit.Act(
            action="deliver",
            object_type="request",
            object_id=str(sent.request),
            actor="system",
            role="system",
            site=sent.site,
            outcome=outcome,
            detail={"to": sent.ae_title, "format": sent.format, "error": why[:500]},
        )
        audit.append(connection, act)

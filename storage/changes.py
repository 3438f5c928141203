"""The change feed: what arrived, in order, for followers that each keep their own place.

Nothing is called when an instance arrives; whoever wants to know follows from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select

from storage.database import Database
from storage.locks import Lock, serialize
from storage.tables import Instant, change, cursor, study


@dataclass(frozen=True)
class Change:
    """Something happened to a study: `kind` is ``instance`` (one arrived), ``report`` (one of our own documents), or
    ``count`` (it went quiet, or something was learned of how many instances it should have)."""

    id: int
    kind: str
    study: int
    site: str
    study_instance_uid: str
    epoch: int
    instance_count: int
    at: datetime


def changes_after(connection: Connection, position: int, limit: int = 1000) -> list[Change]:
    """The changes after `position`, oldest first."""
    query = select(change).where(change.c.id > position).order_by(change.c.id).limit(limit)
    return [Change(**row._mapping) for row in connection.execute(query)]


def last_position(connection: Connection) -> int:
    """The newest change's number, 0 if there is none."""
    return connection.execute(select(func.max(change.c.id))).scalar() or 0


def read_cursor(connection: Connection, consumer: str) -> int:
    """How far `consumer` has come."""
    query = select(cursor.c.position).where(cursor.c.consumer == consumer)
    return connection.execute(query).scalar_one_or_none() or 0


def move_cursor(database: Database, connection: Connection, consumer: str, position: int) -> None:
    """Remember how far `consumer` has come, in the transaction that holds what it did."""
    database.insert_ignoring(connection, cursor, consumer=consumer, position=0)
    connection.execute(cursor.update().where(cursor.c.consumer == consumer).values(position=position))


def announce_count(connection: Connection, of: ColumnElement[bool]) -> None:
    """Tell of the study that meets the condition `of` that its completeness is to be looked at again.

    Takes `Lock.CHANGES`; who locks rows as well takes it before them."""
    serialize(connection, Lock.CHANGES)
    columns = ("kind", "study", "site", "study_instance_uid", "epoch", "instance_count", "at")
    row = select(
        literal("count"),
        study.c.id,
        study.c.site,
        study.c.study_instance_uid,
        study.c.epoch,
        study.c.received_instances,
        literal(datetime.now(UTC), Instant),
    )
    connection.execute(insert(change).from_select(columns, row.where(of)))

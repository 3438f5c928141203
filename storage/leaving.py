"""Writing down which blobs rows leave, for the sweep to look at (`storage.left_blobs`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.tables import left_blob


@dataclass(frozen=True)
class Left:
    """A blob that a row left: of one that holds a single instance, which and how many bytes."""

    key: str
    length: int = 0
    sop_instance_uid: str = ""


def note_left(connection: Connection, blobs: Sequence[Left]) -> None:
    """Write down that rows left these blobs just now, in the transaction in which they do."""
    if not blobs:
        return
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    insert = make(left_blob)
    statement = insert.on_conflict_do_update(index_elements=["key"], set_={"since": insert.excluded.since})
    common = {"since": datetime.now(UTC), "going": False}
    connection.execute(statement, [{**vars(blob), **common} for blob in blobs])


def claim(connection: Connection, key: str) -> bool:
    """Whether rows may be moved to this pack, in the transaction that moves them; not once it is being swept."""
    statement = update(left_blob).where(left_blob.c.key == key, left_blob.c.going.is_(False))
    return connection.execute(statement.values(since=datetime.now(UTC))).rowcount == 1


def among_left(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of a page of keys that are written down."""
    return set(connection.execute(select(left_blob.c.key).where(left_blob.c.key.in_(keys))).scalars())


def number_left(connection: Connection) -> int:
    """How many blobs wait for the sweep."""
    return connection.execute(select(func.count()).select_from(left_blob)).scalar_one()

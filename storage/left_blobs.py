"""Blobs that rows have left, or may never come to name: the sweep looks at each of them after its grace.

Packing lets rows name other places, days or years after their blobs came; a sweep that looks at the latest days would
never find what they left. So it is written down, in the transaction that moves the rows: the blobs of instances that
were packed, and packs of which instances are no longer needed. A pack is written down before it is put, so that what a
crash leaves of it is found.

What rows name is looked at under the same row that whoever moves rows to a pack must hold (`claim`): the one who comes
second knows of the other. So no row comes to name a blob that is being deleted, however long its packer was asleep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, delete, select, update

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.blobs import BlobInfo
from storage.errors import Corrupt, Invalid, NotFound
from storage.pack import Member, read_table
from storage.pack_name import PackName, is_pack, parse_key
from storage.references import PAGE, named_keys
from storage.repacking import repack_if_mostly_dead
from storage.rereading import Senders
from storage.tables import held_aside, instance, left_blob
from storage.unnamed import Fate, see_to_blob

log = structlog.get_logger(__name__)


def see_to_left(archive: Archive, *, grace: timedelta, stopped: Callable[[], bool] = bool) -> Iterator[Fate]:
    """See to every blob that was left more than `grace` ago; a pack of which less than half is needed is made anew."""
    with archive.database.read() as connection:
        senders = Senders.of(connection)
    for page in _pages(archive, datetime.now(UTC) - grace):
        if stopped():
            return
        with archive.database.read() as connection:
            named = named_keys(connection, [row.key for row in page])
        for row in page:
            if row.key not in named:
                yield _see_to(archive, row, senders)
            elif is_pack(row.key):
                repack_if_mostly_dead(archive, row.key)
        _forget(archive, [row for row in page if row.key in named])


def _pages(archive: Archive, before: datetime) -> Iterator[Sequence[Any]]:
    last = ""
    while True:
        query = select(left_blob).where(left_blob.c.key > last, left_blob.c.since < before)
        with archive.database.read() as connection:
            page = connection.execute(query.order_by(left_blob.c.key).limit(PAGE)).all()
        if not page:
            return
        last = page[-1].key
        yield page


def _see_to(archive: Archive, row: Any, senders: Senders) -> Fate:
    """A blob that no row names: usually all of it is recorded elsewhere, and need not be read."""
    if not _may_go(archive, row.key):
        return Fate.LEFT
    try:
        if _is_kept_elsewhere(archive, _members(archive, row)):
            archive.blobs.delete(row.key)
            _forget(archive, [row])
            return Fate.REMOVED
        fate = see_to_blob(archive, BlobInfo(row.key, row.length, row.since), senders)
    except NotFound:
        fate = Fate.REMOVED  # a pack that was never put, or another sweep was faster
    except (Invalid, Corrupt) as why:
        log.warning("unnamed blob left", key=row.key, why=why.message)
        return Fate.LEFT
    _forget(archive, [row] if fate is not Fate.LEFT else [])
    return fate


def _members(archive: Archive, row: Any) -> list[Member]:
    name = parse_key(row.key)
    if isinstance(name, PackName):
        return read_table(archive.blobs, name)
    return [Member(name, row.key, 0, row.length, row.sop_instance_uid)]


def _is_kept_elsewhere(archive: Archive, members: Iterable[Member]) -> bool:
    """Whether rows name the same bytes in other blobs, and these are there."""
    ends: dict[str, int] = {}
    with archive.database.read() as connection:
        for member in members:
            place = _other_place(connection, member)
            if place is None:
                return False
            ends[place[0]] = max(ends.get(place[0], 0), place[1])
    return all(archive.blobs.holds(key, end) for key, end in ends.items())


def _other_place(connection: Connection, member: Member) -> tuple[str, int] | None:
    """Another blob in which a row has these bytes, and where they end in it."""
    name: BlobName = member.name
    for table, uid in ((instance, instance.c.sop_instance_uid), (held_aside, None)):
        query = select(table.c.blob_key, table.c.blob_offset + table.c.length).where(
            table.c.site == name.site, table.c.sha256 == name.sha256, table.c.blob_key != member.blob_key
        )
        found = connection.execute(query if uid is None else query.where(uid == member.sop_instance_uid))
        if (row := found.first()) is not None:
            return row[0], row[1]
    return None


def _may_go(archive: Archive, key: str) -> bool:
    """From now on nobody moves rows to it; false if somebody was faster."""
    with archive.database.write() as connection:
        connection.execute(update(left_blob).where(left_blob.c.key == key).values(going=True))
        if not named_keys(connection, [key]):
            return True
        connection.execute(delete(left_blob).where(left_blob.c.key == key))
        return False


def _forget(archive: Archive, rows: Sequence[Any]) -> None:
    """They have been seen to, but for those that were left again meanwhile."""
    seen = [{"seen": row.key, "then": row.since} for row in rows]
    if seen:
        where = (left_blob.c.key == bindparam("seen"), left_blob.c.since == bindparam("then"))
        with archive.database.write() as connection:
            connection.execute(delete(left_blob).where(*where), seen)

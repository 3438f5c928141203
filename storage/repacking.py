"""Instances brought from where they lie into one pack: written whole, durable, then named.

    note      the pack is written down                      so that a sweep finds what a crash leaves of it
    copy      each instance is compared with its hash       what is damaged stays where it is
    keep      the store has the pack                        durable, and nobody names it
    move      rows name it, in one transaction              only those that still lie where they were read
    sweep     what rows have left goes, a day later         whoever began to read there has come to an end

A crash at any point loses nothing; who does the same at the same time finds nothing left to move.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Table, bindparam, select, update

from storage.archive import Archive
from storage.blob_name import BlobName, Origin
from storage.errors import Corrupt, NotFound
from storage.leaving import Left, claim, note_left
from storage.pack import Content, Pack, read_table
from storage.pack_name import PackName, is_pack
from storage.tables import held_aside, instance

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lying:
    """A row and where its bytes lie now."""

    table: Table
    row: int
    name: BlobName
    sop_instance_uid: str
    blob_key: str
    blob_offset: int
    length: int

    @classmethod
    def of(cls, table: Table, row: Any, origin: Origin) -> Lying:
        """From a row of `instance` or `held_aside`."""
        name = BlobName.of(row.site, origin, row.received_at, row.sender, row.sha256)
        return cls(table, row.id, name, row.sop_instance_uid, row.blob_key, row.blob_offset, row.length)

    @property
    def place(self) -> tuple[str, int]:
        """Blob and offset."""
        return self.blob_key, self.blob_offset


Pace = Callable[[int], None]
"""Told of bytes that were read, it returns when more may be."""


@dataclass
class Steady:
    """A pace of so many bytes a second, from the first on."""

    bytes_per_s: float
    _ahead_until: float = field(default_factory=time.monotonic)

    def __call__(self, count: int, /) -> None:
        """Wait until so many bytes would have come."""
        now = time.monotonic()
        self._ahead_until = max(self._ahead_until, now) + count / self.bytes_per_s
        time.sleep(max(0.0, self._ahead_until - now))


def at_once(_count: int, /) -> None:
    """The pace of whoever does not wait."""


class _Unfit(Exception):
    """An instance that cannot be packed, because it cannot be read or is not what was kept."""

    def __init__(self, lying: Lying) -> None:
        super().__init__()
        self.lying = lying


def pack_together(archive: Archive, rows: Sequence[Lying], pace: Pace = at_once, *, least: int = 2) -> int:
    """Bring instances of one site and origin into one pack, in the order given; fewer than `least` stay.

    Returns how many rows name the pack now. Raises `Unavailable`.
    """
    fit = list(rows)
    while len(fit) >= least:
        try:
            return _pack(archive, fit, pace)
        except _Unfit as why:
            log.warning("instance not packed", site=why.lying.name.site, do="run 'farlight verify'")
            fit.remove(why.lying)
    return 0


def repack_if_mostly_dead(archive: Archive, key: str) -> int:
    """Of a pack of which rows name less than half, counted in bytes, what they name goes into a new one.

    Returns how many rows name the new one.
    """
    name = PackName.parse(key)
    try:
        whole = sum(member.length for member in read_table(archive.blobs, name))
    except (Corrupt, NotFound) as why:
        log.warning("pack not made anew", key=key, why=why.message, do="run 'farlight verify'")
        return 0
    with archive.database.read() as connection:
        rows = list(_naming(connection, name))
    if 2 * sum(row.length for row in rows) >= whole:
        return 0
    return pack_together(archive, sorted(rows, key=lambda row: row.blob_offset), least=1)


def _naming(connection: Connection, name: PackName) -> Iterator[Lying]:
    for table in (instance, held_aside):
        for row in connection.execute(select(*_COLUMNS[table.name]).where(table.c.blob_key == name.key)):
            yield Lying.of(table, row, name.origin)


LYING_COLUMNS = (
    *("id", "site", "sop_instance_uid", "blob_key", "blob_offset", "length", "sha256", "sender"),
    "received_at",
)
"""What `Lying.of` reads of a row."""
_COLUMNS = {table.name: [table.c[name] for name in LYING_COLUMNS] for table in (instance, held_aside)}


def _pack(archive: Archive, rows: Sequence[Lying], pace: Pace) -> int:
    contents = [Content(row.name, row.sop_instance_uid, row.length) for row in rows]
    pack = Pack.plan(contents, datetime.now(UTC))
    with archive.database.write() as connection:
        note_left(connection, [Left(pack.name.key)])
    with archive.spool() as spool:
        pack.write(spool, (_checked(archive, row, pace) for row in rows))
        archive.blobs.keep(pack.name.key, spool)
    archive.blobs.settle([pack.name.key])
    with archive.database.write() as connection:
        return _move(connection, rows, pack)


def _checked(archive: Archive, row: Lying, pace: Pace) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        for piece in archive.blobs.chunks(row.blob_key, row.blob_offset, row.length):
            digest.update(piece)
            pace(len(piece))
            yield piece
    except (NotFound, Corrupt) as why:
        raise _Unfit(row) from why
    if digest.hexdigest() != row.name.sha256:
        raise _Unfit(row)


def _move(connection: Connection, rows: Sequence[Lying], pack: Pack) -> int:
    """Only rows that still lie where their bytes were read: of the others somebody else knows better."""
    if not claim(connection, pack.name.key):
        return 0
    moved = 0
    left: dict[str, Left] = {}
    to = dict(zip(rows, pack.members, strict=True))
    for table in (instance, held_aside):
        still = _still_there(connection, table, [row for row in rows if row.table is table])
        if still:
            statement = update(table).where(table.c.id == bindparam("row"))
            connection.execute(
                statement.values(blob_key=pack.name.key, blob_offset=bindparam("at")),
                [{"row": row.row, "at": to[row].blob_offset} for row in still],
            )
        left.update((row.blob_key, _left_by(row)) for row in still)
        moved += len(still)
    note_left(connection, [left[key] for key in sorted(left)])
    return moved


def _still_there(connection: Connection, table: Table, rows: Sequence[Lying]) -> list[Lying]:
    query = (
        select(table.c.id, table.c.blob_key, table.c.blob_offset)
        .where(table.c.id.in_([row.row for row in rows]))
        .order_by(table.c.id)
        .with_for_update()
    )
    places = {row.id: (row.blob_key, row.blob_offset) for row in connection.execute(query)}
    return [row for row in rows if places.get(row.row) == row.place]


def _left_by(row: Lying) -> Left:
    if is_pack(row.blob_key):
        return Left(row.blob_key)
    return Left(row.blob_key, row.length, row.sop_instance_uid)

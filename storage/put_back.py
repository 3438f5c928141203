"""Bytes brought back to where the index has them: a sender sent again what was gone or damaged with us.

A blob that holds one instance is put back under its own key. A pack is never changed: what it has lost is kept alone
again, and the row says so. The new key tells what the old place told, and something that no key ever had: a key that
once lost its row may be swept at any moment, so that no row may name it again.
"""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, select, update

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.pack_name import PackName, is_pack
from storage.receipt import Receipt
from storage.spool import Spool
from storage.tables import held_aside, instance

_NAMING = (instance, held_aside)


def put_back(archive: Archive, spool: Spool, receipt: Receipt) -> None:
    """The index has the spool's bytes where `receipt` says; if they are gone, the sender has them still."""
    key, offset = receipt.blob_key, receipt.blob_offset
    if archive.blobs.holds(key, offset + spool.size):
        return
    if is_pack(key):
        keep_apart(archive, spool, key, offset)
        return
    archive.blobs.keep(key, spool)
    archive.blobs.settle([key])


def keep_apart(archive: Archive, spool: Spool, pack_key: str, offset: int) -> bool:
    """Keep the bytes of a pack's member alone, and let its row name them there. False if no row names it any more."""
    with archive.database.read() as connection:
        key = apart_key(connection, pack_key, offset)
    if not key:
        return False
    archive.blobs.keep(key, spool)
    archive.blobs.settle([key])
    with archive.database.write() as connection:
        return move_row(connection, (pack_key, offset), (key, 0))


def apart_key(connection: Connection, pack_key: str, offset: int) -> str:
    """A key under which a pack's member can lie alone, which nobody had before; empty if no row names the member."""
    for table in _NAMING:
        query = select(table.c.received_at, table.c.sender, table.c.sha256)
        row = connection.execute(query.where(*_at(table, (pack_key, offset)))).first()
        if row is not None:
            pack = PackName.parse(pack_key)
            name = BlobName.of(pack.site, pack.origin, row.received_at, row.sender, row.sha256)
            return replace(name, again=token_hex(4)).key
    return ""


def move_row(connection: Connection, old: tuple[str, int], new: tuple[str, int]) -> bool:
    """Let the row that names a place name another one; false if none does any more."""
    values = {"blob_key": new[0], "blob_offset": new[1]}
    moved = (
        connection.execute(update(table).where(*_at(table, old)).values(**values)).rowcount
        for table in _NAMING
    )
    return sum(moved) > 0


def _at(table: Any, place: tuple[str, int]) -> tuple[Any, ...]:
    return table.c.blob_key == place[0], table.c.blob_offset == place[1]

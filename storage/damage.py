"""Bytes that are not what was kept, out of the way of those that are."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from storage.archive import Archive
from storage.errors import Corrupt
from storage.pack_name import is_pack
from storage.put_back import apart_key, keep_apart, move_row
from storage.spool import Spool

DAMAGED = "damaged/"
"""Where bytes are put that are not what was kept, so that the sender's next attempt puts the right ones back."""


def set_aside(archive: Archive, row: Any) -> bool:
    """Bytes that are wrong are kept elsewhere, and their place is free for the right ones. Tells whether these have
    come meanwhile, from a sender that tried again."""
    key, in_pack = row.blob_key, is_pack(row.blob_key)
    with archive.spool() as spool:
        with suppress(Corrupt):  # a pack may have been cut off
            for piece in archive.blobs.chunks(key, row.blob_offset, row.length if in_pack else None):
                spool.write(piece)
        if (spool.sha256, spool.size) == (row.sha256, row.length):
            return True
        if in_pack:
            return _give_up(archive, row, spool)
        archive.blobs.keep(DAMAGED + key, spool)
    archive.blobs.settle([DAMAGED + key])
    archive.blobs.delete(key)
    return False


def _give_up(archive: Archive, row: Any, damaged: Spool) -> bool:
    """A pack is never changed: the row names a place of its own instead, where nothing is yet."""
    old = (row.blob_key, row.blob_offset)
    with archive.database.read() as connection:
        key = apart_key(connection, *old)
    if not key:
        return True
    archive.blobs.keep(DAMAGED + key, damaged)
    archive.blobs.settle([DAMAGED + key])
    with archive.database.write() as connection:
        move_row(connection, old, (key, 0))
    return False


def take_out(archive: Archive, row: Any) -> bool:
    """A good instance out of a pack whose table is not what was written: it lies alone from now on."""
    with archive.spool() as spool:
        for piece in archive.blobs.chunks(row.blob_key, row.blob_offset, row.length):
            spool.write(piece)
        return keep_apart(archive, spool, row.blob_key, row.blob_offset)

"""An instance's bytes in pieces that are read by themselves, as many at once as the reading ahead likes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from storage.archive import Archive
from storage.kept_bytes import Place, read_kept
from viewer_api.dicomweb.reading_ahead import Reading

PIECE_BYTES = 1 << 20


def kept_pieces(
    archive: Archive, place: Place, start: int = 0, length: int | None = None
) -> Iterator[Reading]:
    """`length` bytes of the file from `start` on, all the rest for None."""
    end = place.length if length is None else start + length
    for begin in range(start, end, PIECE_BYTES):
        size = min(PIECE_BYTES, end - begin)
        yield Reading(size, partial(read_kept, archive.blobs, place, begin, size))

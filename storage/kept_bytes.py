"""The bytes of what the index says we have. If they are gone that is a fault of ours, never "not found"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Protocol

from storage.blobs import BlobStore
from storage.errors import Corrupt, NotFound

_MISSING = (
    "the bytes we hold of this instance are missing or are not what we wrote: "
    "verify the archive, or have the instance sent again"
)


class Place(Protocol):
    """Where an instance's file lies: so many bytes of a blob."""

    @property
    def blob_key(self) -> str:
        """Of the blob."""

    @property
    def blob_offset(self) -> int:
        """Where the file begins in it."""

    @property
    def length(self) -> int:
        """Of the file."""


def read_kept(blobs: BlobStore, place: Place, start: int = 0, length: int | None = None) -> bytes:
    """`length` bytes of the file from `start` on, all the rest for None.

    Raises `Corrupt` where they are not, `Unavailable` if the store is away.
    """
    wanted = place.length - start if length is None else length
    try:
        return blobs.read(place.blob_key, place.blob_offset + start, wanted)
    except NotFound as why:
        raise Corrupt(_MISSING, code="BYTES_MISSING") from why


def kept_chunks(blobs: BlobStore, place: Place, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The same in pieces. The first is read at once, so that whoever answers learns what is missing before."""
    pieces = _pieces(blobs, place, start, place.length - start if length is None else length)
    return chain(list(islice(pieces, 1)), pieces)


def _pieces(blobs: BlobStore, place: Place, start: int, length: int) -> Iterator[bytes]:
    try:
        yield from blobs.chunks(place.blob_key, place.blob_offset + start, length)
    except NotFound as why:
        raise Corrupt(_MISSING, code="BYTES_MISSING") from why

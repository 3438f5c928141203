"""The bytes of what the index says we have. If they are gone that is a fault of ours, never "not found"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol

from storage.blobs import BlobStore
from storage.errors import Corrupt, NotFound

NEAR = 256 << 10
"""Bytes between two pieces that are rather read with them than asked for apart: a request takes as long."""
MOST = 16 << 20
"""Bytes read at once, and so held in memory."""
_MISSING = (
    "the bytes we hold of this instance are missing or are not what we wrote: "
    "verify the archive, or have the instance sent again"
)


class Place(Protocol):
    """Where an instance's file lies: so many bytes of a blob. If it tells its ``sop_instance_uid`` as well, it is found
    again once the instance has been packed."""

    @property
    def blob_key(self) -> str:
        """Of the blob."""

    @property
    def blob_offset(self) -> int:
        """Where the file begins in it."""

    @property
    def length(self) -> int:
        """Of the file."""


@dataclass(frozen=True)
class Piece:
    """`length` bytes of an instance's file from `start` on."""

    place: Place
    start: int
    length: int

    @property
    def begin(self) -> int:
        """In the blob."""
        return self.place.blob_offset + self.start

    @property
    def end(self) -> int:
        """In the blob."""
        return self.begin + self.length


def read_kept(blobs: BlobStore, place: Place, start: int = 0, length: int | None = None) -> bytes:
    """`length` bytes of the file from `start` on, all the rest for None.

    Raises `Corrupt` where they are not, `Unavailable` if the store is away.
    """
    wanted = place.length - start if length is None else length
    try:
        return blobs.read(place.blob_key, place.blob_offset + start, wanted)
    except NotFound as why:
        key, offset = _now(blobs, place, why)
    try:
        return blobs.read(key, offset + start, wanted)
    except NotFound as why:
        raise Corrupt(_MISSING, code="BYTES_MISSING") from why


def read_many(
    blobs: BlobStore, pieces: Sequence[Piece], *, near: int = NEAR, most: int = MOST
) -> Iterator[bytes]:
    """The pieces in the order given. Those that follow each other in one blob, with no more than `near` bytes between,
    are read together: of a packed series a hundred frames come in one request. Raises what `read_kept` raises.
    """
    for run in _runs(pieces, near, most):
        yield from _read_run(blobs, run) if len(run) > 1 else (_read_piece(blobs, run[0]),)


def kept_chunks(blobs: BlobStore, place: Place, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """A file in pieces. The first is read at once, so that whoever answers learns what is missing before."""
    pieces = _pieces(blobs, place, start, place.length - start if length is None else length)
    return chain(list(islice(pieces, 1)), pieces)


def _pieces(blobs: BlobStore, place: Place, start: int, length: int) -> Iterator[bytes]:
    done = 0
    try:
        for piece in blobs.chunks(place.blob_key, place.blob_offset + start, length):
            done += len(piece)
            yield piece
    except NotFound as why:
        key, offset = _now(blobs, place, why)
    else:
        return
    try:
        yield from blobs.chunks(key, offset + start + done, length - done)
    except NotFound as why:
        raise Corrupt(_MISSING, code="BYTES_MISSING") from why


def _now(blobs: BlobStore, place: Place, why: NotFound) -> tuple[str, int]:
    """Where it lies by now. Raises `Corrupt` if nobody knows."""
    found = blobs.find_again(place) if blobs.find_again else None
    if found is None:
        raise Corrupt(_MISSING, code="BYTES_MISSING") from why
    return found


def _runs(pieces: Sequence[Piece], near: int, most: int) -> Iterator[list[Piece]]:
    run: list[Piece] = []
    for piece in pieces:
        if run and not (
            piece.place.blob_key == run[-1].place.blob_key
            and 0 <= piece.begin - run[-1].end <= near
            and piece.end - run[0].begin <= most
        ):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _read_run(blobs: BlobStore, run: list[Piece]) -> Iterator[bytes]:
    first = run[0].begin
    try:
        data = memoryview(blobs.read(run[0].place.blob_key, first, run[-1].end - first))
    except NotFound:  # packed anew meanwhile
        yield from (_read_piece(blobs, piece) for piece in run)
        return
    for piece in run:
        yield bytes(data[piece.begin - first : piece.end - first])


def _read_piece(blobs: BlobStore, piece: Piece) -> bytes:
    return read_kept(blobs, piece.place, piece.start, piece.length)

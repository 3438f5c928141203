"""What is put into an S3 store, as its client reads it: in bytes of the size it asks for, never the whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

from storage.spool import Spool


class Source(Protocol):
    """`read` gives `size` bytes until the end, where it gives fewer; `taken` is how many it gave so far."""

    taken: int

    def read(self, size: int) -> bytes:
        """The next `size` bytes."""


class SpoolSource:
    """A spool from its beginning, whoever else reads it."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.taken = 0

    def read(self, size: int) -> bytes:
        """See `Source.read`."""
        piece = os.pread(self._spool.fileno(), size, self.taken)
        self.taken += len(piece)
        return piece


class ChunkSource:
    """Pieces of any size, gathered until there are as many bytes as asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = bytearray()
        self.taken = 0

    def read(self, size: int) -> bytes:
        """See `Source.read`."""
        while len(self._left) < size and (chunk := next(self._chunks, None)) is not None:
            self._left += chunk
        piece = bytes(self._left[:size])
        del self._left[:size]
        self.taken += len(piece)
        return piece

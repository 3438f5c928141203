"""What every blob store can do: five verbs, bytes immutable once put."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class BlobInfo:
    """One blob: its key, size in bytes, and when it was put."""

    key: str
    size: int
    modified_at: datetime


class BlobStore(Protocol):
    """Keys are ``/``-separated paths. All methods raise `Unavailable` when the store is away."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Store a blob. When this returns the blob is durable; before, nothing of it is visible.

        Putting a key again must bring the same bytes; it is harmless.
        """

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `offset`, all that follow if None. Raises `NotFound`; `Corrupt` if too short."""

    def chunks(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The same in pieces, for what need not lie in memory."""

    def holds(self, key: str, length: int) -> bool:
        """Whether the blob is there with at least `length` bytes."""

    def delete(self, key: str) -> None:
        """Remove a blob; absent is well."""

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every blob below `prefix`."""

    def check(self) -> None:
        """Raise `Unavailable`, saying what to do, unless a blob could be put now."""

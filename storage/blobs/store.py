"""What every blob store can do; bytes are immutable once kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from storage.spool import Spool


@dataclass(frozen=True)
class BlobInfo:
    """One blob: its key, size in bytes, and when it was put."""

    key: str
    size: int
    modified_at: datetime


FindAgain = Callable[[Any], tuple[str, int] | None]
"""Where the bytes of an instance lie now, by its place of before: blob and offset; None if nowhere else."""


class BlobStore(Protocol):
    """Keys are ``/``-separated paths. All methods raise `Unavailable` when the store is away."""

    find_again: FindAgain | None
    """Set by who has the index as well; see `storage.kept_bytes`."""

    def keep(self, key: str, spool: Spool) -> None:
        """Bring a spool's bytes to their place. When this returns the contents are durable; the name is after `settle`.

        Nothing of a blob is visible before the whole of it is. Keeping a key again must bring the same bytes; it is
        harmless. The spool stays open. May run in many threads at once.
        """

    def settle(self, keys: Iterable[str]) -> None:
        """Make the names of kept blobs durable: after this they are there whatever happens."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """Both at once, for small things."""

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `offset`, all that follow if None. Raises `NotFound`; `Corrupt` if too short."""

    def chunks(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The same in pieces, for what need not lie in memory."""

    def holds(self, key: str, length: int) -> bool:
        """Whether the blob is there with at least `length` bytes."""

    def delete(self, key: str) -> None:
        """Remove a blob; absent is well."""

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every blob below `prefix`, which is empty or ends with a slash, in the order of keys (by code points)."""

    def clear_aside(self) -> None:
        """Remove what a crashed process left half-written, where the store does not by itself."""

    def check(self) -> None:
        """Raise `Unavailable`, saying what to do, unless a blob could be put now."""

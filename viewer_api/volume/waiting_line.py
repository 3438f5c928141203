"""Work that would take all processors: so many at once, some waiting in line, and the others told to come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import Unavailable

_RETRY_S = 2


class WaitingLine:
    """`at_once` may work; `max_waiting` wait for up to `wait_s` seconds. Safe to share between threads."""

    def __init__(self, at_once: int, max_waiting: int = 4, wait_s: float = 30.0) -> None:
        self._line = threading.BoundedSemaphore(at_once + max_waiting)
        self._working = threading.BoundedSemaphore(at_once)
        self._wait_s = wait_s

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises `Unavailable` ``BUSY`` if the line is full, or does not move."""
        if not self._line.acquire(blocking=False):
            raise _busy()
        try:
            if not self._working.acquire(timeout=self._wait_s):
                raise _busy()
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._line.release()


def _busy() -> Unavailable:
    return Unavailable(
        "volumes are being rendered for others: ask again", code="BUSY", retry_after_s=_RETRY_S
    )

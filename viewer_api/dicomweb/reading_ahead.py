"""Reading ahead of a client, several pieces at once, in the order in which they are sent.

A bucket answers a read after some 20 ms, whatever its length: one after the other, a series of 400 slices is eight
seconds of waiting. What is read and not sent yet is bounded for each answer and for the process.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

_THREADS = 16
"""Reads under way at one time in this process; further ones wait."""
_PIECES_AHEAD = 24
"""Heads and ends of parts among them: some eight slices."""
_ANSWER_BYTES = 8 << 20
_PROCESS_BYTES = 128 << 20


@dataclass(frozen=True)
class Reading:
    """Bytes that are still to be read: about how many, and how."""

    size: int
    read: Callable[[], bytes]


Piece = bytes | Reading


@dataclass(eq=False)
class _Entry:
    """A piece that waits for its turn; `ahead` once a thread of the pool has it."""

    piece: Piece
    ahead: Future[bytes] | None = None

    @property
    def size(self) -> int:
        return len(self.piece) if isinstance(self.piece, bytes) else self.piece.size

    def content(self) -> bytes:
        if isinstance(self.piece, bytes):
            return self.piece
        return self.piece.read() if self.ahead is None else self.ahead.result()


@dataclass
class _Budget:
    """Bytes that may be held for all answers together."""

    limit: int
    used: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int, *, needed: bool) -> bool:
        """What is `needed` is had whatever there is: every answer goes on, one piece at a time if it must."""
        with self.lock:
            if not needed and self.used + size > self.limit:
                return False
            self.used += size
            return True

    def give_back(self, size: int) -> None:
        with self.lock:
            self.used -= size


class ReadAhead:
    """Threads that read for all answers, and what they may hold. Safe to share; one per process."""

    def __init__(
        self,
        threads: int = _THREADS,
        *,
        pieces_ahead: int = _PIECES_AHEAD,
        answer_bytes: int = _ANSWER_BYTES,
        process_bytes: int = _PROCESS_BYTES,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, "reading-ahead")
        self._pieces_ahead, self._answer_bytes = pieces_ahead, answer_bytes
        self._budget = _Budget(process_bytes)

    @property
    def held_bytes(self) -> int:
        """Of all answers now."""
        return self._budget.used

    def in_order(self, pieces: Iterable[Piece]) -> Generator[bytes]:
        """The contents of `pieces`. Nothing more is read when the generator is closed."""
        coming, waiting = iter(pieces), deque[_Entry]()
        put_off: list[Piece] = []
        try:
            while True:
                self._fill(waiting, coming, put_off)
                if not waiting:
                    return
                entry = waiting[0]
                content = entry.content()
                yield content
                waiting.popleft()
                self._budget.give_back(entry.size)
        finally:
            for entry in waiting:
                self._give_up(entry)

    def _fill(self, waiting: deque[_Entry], coming: Iterator[Piece], put_off: list[Piece]) -> None:
        """The first that waits is read by whoever wants it; the others ahead, while there is room for them."""
        while len(waiting) < self._pieces_ahead:
            piece = put_off.pop() if put_off else next(coming, None)
            if piece is None:
                return
            entry = _Entry(piece)
            room = sum(each.size for each in waiting) + entry.size <= self._answer_bytes
            if not ((room or not waiting) and self._budget.take(entry.size, needed=not waiting)):
                put_off.append(piece)
                return
            if waiting and isinstance(piece, Reading):
                entry.ahead = self._pool.submit(piece.read)
            waiting.append(entry)

    def _give_up(self, entry: _Entry) -> None:
        if entry.ahead is None:
            self._budget.give_back(entry.size)
            return
        entry.ahead.cancel()
        entry.ahead.add_done_callback(lambda _: self._budget.give_back(entry.size))


_reading = ReadAhead()


def read_in_order(pieces: Iterable[Piece]) -> Generator[bytes]:
    """The contents of `pieces` one by one, read ahead by this process's threads."""
    return _reading.in_order(pieces)

"""Many threads, one commit: those that are ready together are made durable together.

A sync of the disk costs the same for one as for sixty. Whoever comes first leads and works for all that wait at that
moment; those that come meanwhile are the next batch, led by its first. Nobody waits for company.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from storage.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")

LIMIT = 64
"""Items in one batch: a bound to how long the last waits for the first."""


class _Entry(Generic[T, R]):
    """One thread's item; `woken` is released when there is something to do or to know."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.woken = threading.Lock()
        self.woken.acquire()
        self.results: list[R] = []
        self.failure: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.failure is not None

    def outcome(self) -> R:
        if self.failure is None:
            return self.results[0]
        if isinstance(
            self.failure, Unavailable
        ):  # told to several threads: each has an error of its own to raise
            why = self.failure
            raise Unavailable(why.message, code=why.code, **why.details) from why
        raise self.failure


class GroupCommit(Generic[T, R]):
    """`commit` makes a batch durable and gives a result for each item, in order; it runs in one thread at a time.

    If it raises `Unavailable`, all of the batch are told so. If it raises anything else, each item is tried alone, so
    that one that cannot be committed fails by itself.
    """

    def __init__(self, commit: Callable[[Sequence[T]], Sequence[R]], *, limit: int = LIMIT) -> None:
        self._commit = commit
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[T, R]] = deque()
        self._is_led = False

    def submit(self, item: T) -> R:
        """Returns when the item is durable; raises what went wrong with it."""
        entry: _Entry[T, R] = _Entry(item)
        with self._lock:
            self._waiting.append(entry)
            leads, self._is_led = not self._is_led, True
        if not leads:
            entry.woken.acquire()
        if not entry.is_done:  # it is the first of those that wait
            self._lead()
        return entry.outcome()

    def _lead(self) -> None:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
        try:
            self._run(batch)
        except BaseException as why:
            for entry in batch:
                entry.failure = entry.failure or (None if entry.results else why)
            raise
        finally:
            self._hand_on(batch)

    def _hand_on(self, batch: list[_Entry[T, R]]) -> None:
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._is_led = following is not None
        if following is not None:
            following.woken.release()
        for entry in batch[1:]:
            entry.woken.release()

    def _run(self, batch: list[_Entry[T, R]]) -> None:
        try:
            results = self._commit([entry.item for entry in batch])
            for entry, result in zip(batch, results, strict=True):
                entry.results.append(result)
        except Exception as why:
            if len(batch) == 1 or isinstance(why, Unavailable):
                for entry in batch:
                    entry.failure = why
            else:
                for entry in batch:
                    self._run([entry])

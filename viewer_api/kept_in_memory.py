"""What was made and will be asked for again, bounded by its bytes; what several ask for at once is made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")
_BESIDE = 200
"""Bytes that a key and its place take, so that small things are bounded too."""


class KeptInMemory(Generic[V]):
    """Values by key, those used last. Values are shared between threads: read, never change.

    `size` tells a value's bytes; one that takes more than a quarter of `max_bytes` is not kept. What a key names must
    never change.
    """

    def __init__(self, max_bytes: int, size: Callable[[V], int]) -> None:
        self._max_bytes, self._size = max_bytes, size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, V] = OrderedDict()
        self._being_made: dict[Hashable, Future[V]] = {}
        self.bytes = 0

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value; whoever comes while it is made waits for it. What `make` raises is raised to all of them."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            others = self._being_made.get(key)
            if others is None:
                mine = self._being_made[key] = Future()
        return self._make(key, mine, make) if others is None else others.result()

    def _make(self, key: Hashable, mine: Future[V], make: Callable[[], V]) -> V:
        try:
            value = make()
        except BaseException as why:
            with self._lock:
                del self._being_made[key]
            mine.set_exception(why)
            raise
        with self._lock:
            del self._being_made[key]
            self._put(key, value)
        mine.set_result(value)
        return value

    def _put(self, key: Hashable, value: V) -> None:
        taken = self._size(value) + _BESIDE
        if taken > self._max_bytes // 4:
            return
        self._kept[key] = value
        self.bytes += taken
        while self.bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= self._size(oldest) + _BESIDE

    def __len__(self) -> int:
        return len(self._kept)

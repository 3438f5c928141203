"""Calls that are underway: each node's in a thread of its own, so that one that hangs holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

MOST = 32
"""Nodes that may be underway before more is taken up."""


class Underway(Generic[Key]):
    """One call at a time for each key. Not to be shared by threads that start calls."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: dict[Key, threading.Thread] = {}

    def keys(self) -> list[Key]:
        """Those that are underway now; nothing more of theirs should be taken up."""
        self._threads = {key: thread for key, thread in self._threads.items() if thread.is_alive()}
        return list(self._threads)

    def start(self, key: Key, call: Callable[[], None]) -> None:
        """Begin a call that never raises, of a key that is not underway."""
        thread = threading.Thread(target=call, name=self._name, daemon=True)
        self._threads[key] = thread
        thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Whether all have ended in this time."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        return not self.keys()

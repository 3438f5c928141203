"""Volumes in memory: bounded by bytes, each read once however many ask, further readers waiting in line."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.errors import Invalid, Unavailable
from viewer_api.volume.volume import Volume

WAIT_S = 30.0
_RETRY_S = 2
MAX_WAITING = 4
"""Threads that may wait for a volume; who comes then is told to come again, and others keep theirs."""
MAX_READING = 2
"""Volumes that are read at once; slices of each are decoded by all processors."""


@dataclass
class _Entry:
    nbytes: int
    pins: int = 1
    ready: threading.Event = field(default_factory=threading.Event)
    volume: Volume | None = None
    error: BaseException | None = None


class VolumeCache:
    """Holds at most `max_bytes` of voxels, those in use included. Safe to share between threads; one per process."""

    def __init__(self, max_bytes: int, *, max_waiting: int = MAX_WAITING, wait_s: float = WAIT_S) -> None:
        self._max_bytes, self._max_waiting, self._wait_s = max_bytes, max_waiting, wait_s
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._changed = threading.Condition()
        self._used, self._reading = 0, 0
        self._waiting = 0

    @property
    def used_bytes(self) -> int:
        """Of voxels that are held or being read."""
        return self._used

    @contextmanager
    def hold(self, key: Hashable, nbytes: int, load: Callable[[], Volume]) -> Iterator[Volume]:
        """The volume, kept while the context lasts; `load` is called by one of those who ask.

        Raises what `load` raises, `Unavailable` ``BUSY`` if there is no room or no answer for `wait_s` seconds,
        and `Invalid` ``VOLUME_TOO_LARGE`` for what never finds room, before anything is read.
        """
        if nbytes > self._max_bytes:
            raise Invalid(
                f"a volume of {nbytes >> 20} MiB is more than the {self._max_bytes >> 20} MiB that are kept for them",
                code="VOLUME_TOO_LARGE",
            )
        entry, is_mine = self._claim(key, nbytes)
        try:
            yield self._load(key, entry, load) if is_mine else self._loaded(entry)
        finally:
            with self._changed:
                entry.pins -= 1
                self._changed.notify_all()

    def _claim(self, key: Hashable, nbytes: int) -> tuple[_Entry, bool]:
        with self._changed:
            until = time.monotonic() + self._wait_s
            while key not in self._entries and not (self._reading < MAX_READING and self._make_room(nbytes)):
                self._wait(until)
            entry = self._entries.get(key)
            if entry is not None:
                entry.pins += 1
                self._entries.move_to_end(key)
                return entry, False
            entry = self._entries[key] = _Entry(nbytes)
            self._used += nbytes
            self._reading += 1
            return entry, True

    def _make_room(self, nbytes: int) -> bool:
        """Forget what was used longest ago and is not in use now."""
        for key in [key for key, entry in self._entries.items() if not entry.pins]:
            if self._used + nbytes <= self._max_bytes:
                break
            self._used -= self._entries.pop(key).nbytes
        return self._used + nbytes <= self._max_bytes

    def _wait(self, until: float) -> None:
        if self._waiting >= self._max_waiting:
            raise _busy()
        self._waiting += 1
        try:
            if not self._changed.wait(until - time.monotonic()):
                raise _busy()
        finally:
            self._waiting -= 1

    def _load(self, key: Hashable, entry: _Entry, load: Callable[[], Volume]) -> Volume:
        try:
            entry.volume = load()
        except BaseException as why:
            entry.error = why
            with self._changed:
                del self._entries[key]
                self._used -= entry.nbytes
            raise
        finally:
            entry.ready.set()
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()
        return entry.volume

    def _loaded(self, entry: _Entry) -> Volume:
        until = time.monotonic() + self._wait_s
        if not entry.ready.is_set():
            with self._changed:
                if self._waiting >= self._max_waiting:
                    raise _busy()
                self._waiting += 1
            try:
                entry.ready.wait(until - time.monotonic())
            finally:
                with self._changed:
                    self._waiting -= 1
        if entry.error is not None:
            raise entry.error
        if entry.volume is None:
            raise _busy()
        return entry.volume


def _busy() -> Unavailable:
    return Unavailable("volumes are being read for others: ask again", code="BUSY", retry_after_s=_RETRY_S)

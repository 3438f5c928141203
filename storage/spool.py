"""Bytes on their way in: an unnamed file that grows as they arrive, hashed on the way.

It has no name, so that nothing can be left behind: the system frees it when it is closed, and when the process dies.
It lies on the blob store's own file system, so that a folder store keeps it by giving it a name.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.disk import RESERVE, require_room
from storage.errors import Unavailable

Bytes = bytes | bytearray | memoryview

_GATHER = 256 << 10
"""Bytes gathered in memory before they are written and hashed: few calls of the system, each of which makes the threads
of a busy process change over. A small instance has no file before it is kept."""
_GATHER_TOGETHER, _GATHER_IN_ALL = 1 << 20, 128 << 20
"""Where others arrive at the same time, so many are: what becomes durable together is then written together. All
spools of a process hold no more than the second."""
_LOOK_EVERY = 500 << 10
"""Bytes written between two looks at the room on the disk, when the system is also told to begin writing: just below
the 512 KiB of a CT slice, whose bytes are then on their way to the disk while its header is read. More often costs more
than it gains: each time is a call of the device."""
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_NO_UNNAMED_FILES = (errno.EISDIR, errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL)


class Spool:
    """One file on its way in. Use it as a context manager, or `close` it whatever happens.

    Not safe to share between threads; handing it from one to another is.
    """

    def __init__(
        self, folder: Path, *, reserve: int = RESERVE, for_this_disk: bool = True, hashed: bool = True
    ) -> None:
        """Not `for_this_disk` is what goes on to another store and need not be written here at all; what is not
        `hashed` has no `sha256`.

        Raises `Unavailable` if nothing can be written in `folder`, or its disk has less than `reserve` bytes.
        """
        self.folder = folder
        self.reserve = reserve
        self.size = 0
        self._gathered = bytearray()
        self._written = self._hashed = 0
        self._hash = hashlib.sha256() if hashed else None
        self._looked_at = 0
        self._for_this_disk = for_this_disk
        self._limit = _GATHER
        self._descriptor, self._closed = -1, True
        self._named: Path | None = None
        with _writable():
            require_room(folder, reserve)
        self._closed = False
        _company.joined()

    @property
    def sha256(self) -> str:
        """Of everything written so far, in hexadecimal digits."""
        self._hash_gathered()
        return self._hash.hexdigest() if self._hash else ""

    @property
    def is_small(self) -> bool:
        """Whether all of it is in memory still."""
        return not self._written

    @property
    def source(self) -> str:
        """A path under which the system finds the file while it is open, for `os.link`."""
        self._flush()
        return str(self._named) if self._named else f"/proc/self/fd/{self._descriptor}"

    @property
    def closed(self) -> bool:
        """Whether it was given up."""
        return self._closed

    def fileno(self) -> int:
        """The open file, with everything in it."""
        self._flush()
        return self._descriptor

    def write(self, data: Bytes) -> None:
        """Append. Raises `Unavailable` when the disk is full or nearly so."""
        self.size += len(data)
        if len(data) >= _GATHER:
            self._flush()
            self._put(data)
            return
        self._gathered += data
        if len(self._gathered) >= self._limit and not self._may_gather_more():
            self._flush()

    def _may_gather_more(self) -> bool:
        if self._written or not self._for_this_disk or self._limit > _GATHER or not _company.lends():
            return False
        self._limit = _GATHER_TOGETHER
        return True

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        """Everything written; a large file is mapped rather than read. Slices must not outlive the block."""
        mapped = self._map() if self._written else None
        whole = memoryview(mapped or self._gathered).toreadonly()
        try:
            yield whole
        finally:
            with suppress(BufferError):  # an error on its way up may hold a slice; its end frees the memory
                whole.release()
                if mapped is not None:
                    mapped.close()

    def close(self) -> None:
        """Give the file up; harmless if it was. What a blob store has kept of it stays."""
        if not self._closed:
            self._closed = True
            self._give_back()
            _company.left()
        self._gathered = bytearray()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._named is not None:
            self._named.unlink(missing_ok=True)
            self._named = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):  # it was never opened
            self.close()

    def _hash_gathered(self) -> None:
        if self._hash is not None and self._hashed < len(self._gathered):
            self._hash.update(memoryview(self._gathered)[self._hashed :])
            self._hashed = len(self._gathered)

    def _map(self) -> mmap.mmap:
        self._flush()
        with _writable():
            return mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)

    def _flush(self) -> None:
        """Write and hash what was gathered; the file is there afterwards, even if nothing was."""
        if self._descriptor < 0:
            with _writable():
                self._descriptor, self._named = _open(self.folder)
        self._hash_gathered()
        gathered, self._gathered, self._hashed = self._gathered, bytearray(), 0
        self._give_back()
        if gathered:
            self._put(gathered, hashed=True)

    def _put(self, data: Bytes, *, hashed: bool = False) -> None:
        """Write at once."""
        with _writable():
            done = os.write(self._descriptor, data)
            while done < len(data):
                done += os.write(self._descriptor, memoryview(data)[done:])
        if self._hash is not None and not hashed:
            self._hash.update(data)
        self._written += len(data)
        if self._written - self._looked_at > _LOOK_EVERY:
            self._look()

    def _give_back(self) -> None:
        if self._limit > _GATHER:
            self._limit = _GATHER
            _company.takes_back()

    def _look(self) -> None:
        start, self._looked_at = self._looked_at, self._written
        with _writable():
            require_room(self.folder, self.reserve)
            if self._for_this_disk:
                # the system begins to write while the rest arrives: the sync in the end has little left to do
                os.posix_fadvise(self._descriptor, start, self._written - start, os.POSIX_FADV_DONTNEED)


class _Company:
    """The open spools of this process, and to how many of them more memory is lent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a spool that nobody closed may be freed at any moment, in here too
        self._open = self._lent = 0

    def joined(self) -> None:
        with self._lock:
            self._open += 1

    def left(self) -> None:
        with self._lock:
            self._open -= 1

    def lends(self) -> bool:
        """Lend one spool what it may gather more, if it is not alone and there is enough."""
        with self._lock:
            if self._open < 2 or self._lent >= _GATHER_IN_ALL // _GATHER_TOGETHER:
                return False
            self._lent += 1
            return True

    def takes_back(self) -> None:
        with self._lock:
            self._lent -= 1


_company = _Company()


def _open(folder: Path) -> tuple[int, Path | None]:
    """An unnamed file, or a named one where the file system has no others."""
    if _UNNAMED:
        try:
            return os.open(folder, _UNNAMED | os.O_RDWR | os.O_CLOEXEC, 0o600), None
        except OSError as why:
            if why.errno not in _NO_UNNAMED_FILES or not folder.is_dir():
                raise
    descriptor, name = tempfile.mkstemp(dir=folder)
    return descriptor, Path(name)


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as why:
        raise _unavailable(why) from why


def _unavailable(why: OSError) -> Unavailable:
    return Unavailable(f"what arrives cannot be kept: {why.strerror}")

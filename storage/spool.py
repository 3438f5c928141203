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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.disk import RESERVE, require_room
from storage.errors import Unavailable

Bytes = bytes | bytearray | memoryview

_LOOK_EVERY = 96 << 10
"""Bytes written between two looks at the room on the disk."""
_READ_UP_TO = 64 << 10
"""A smaller file is read rather than mapped: it is cheaper."""
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_NO_UNNAMED_FILES = (errno.EISDIR, errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL)


class Spool:
    """One file on its way in. Use it as a context manager, or `close` it whatever happens.

    Not safe to share between threads; handing it from one to another is.
    """

    def __init__(self, folder: Path, *, reserve: int = RESERVE, for_this_disk: bool = True) -> None:
        """Not `for_this_disk` is what goes on to another store and need not be written here at all.

        Raises `Unavailable` if nothing can be written in `folder`, or its disk has less than `reserve` bytes.
        """
        self.folder = folder
        self.reserve = reserve
        self.size = 0
        self._hash = hashlib.sha256()
        self._looked_at = 0
        self._for_this_disk = for_this_disk
        with _writable():
            require_room(folder, reserve)
            self._descriptor, self._named = _open(folder)

    @property
    def sha256(self) -> str:
        """Of everything written so far, in hexadecimal digits."""
        return self._hash.hexdigest()

    @property
    def source(self) -> str:
        """A path under which the system finds the file while it is open, for `os.link`."""
        return str(self._named) if self._named else f"/proc/self/fd/{self._descriptor}"

    @property
    def closed(self) -> bool:
        """Whether it was given up."""
        return self._descriptor < 0

    def fileno(self) -> int:
        """The open file."""
        return self._descriptor

    def write(self, data: Bytes) -> None:
        """Append. Raises `Unavailable` when the disk is full or nearly so."""
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, memoryview(data)[written:])
        except OSError as why:
            raise _unavailable(why) from why
        self._hash.update(data)
        self.size += written
        if self.size - self._looked_at > _LOOK_EVERY:
            self._look()

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        """Everything written; a large file is mapped rather than read. Slices must not outlive the block."""
        if self.size <= _READ_UP_TO:
            with _writable():
                content = os.pread(self._descriptor, self.size, 0)
            yield memoryview(content)
            return
        with _writable():
            mapped = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_READ)
        whole = memoryview(mapped)
        try:
            yield whole
        finally:
            with suppress(BufferError):  # an error on its way up may hold a slice; its end unmaps the file
                whole.release()
                mapped.close()

    def close(self) -> None:
        """Give the file up; harmless if it was. What a blob store has kept of it stays."""
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

    def _look(self) -> None:
        start, self._looked_at = self._looked_at, self.size
        with _writable():
            require_room(self.folder, self.reserve)
            if self._for_this_disk:
                # the system begins to write while the rest arrives: the sync in the end has little left to do
                os.posix_fadvise(self._descriptor, start, self.size - start, os.POSIX_FADV_DONTNEED)


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

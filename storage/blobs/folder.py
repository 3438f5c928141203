"""Blobs in a folder: written without a name, synced, then named."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from storage.blobs.store import BlobInfo, FindAgain
from storage.disk import RESERVE, require_room
from storage.errors import Corrupt, Invalid, NotFound, Unavailable
from storage.spool import Spool

CHUNK = 1 << 20
_MOST_SETTLED = 10_000
"""Folders remembered as durable, of which every hospital has a new one every day; one forgotten costs some syncs."""
INCOMING = ".incoming"
"""The folder, below the root, of what is arriving; no key begins with a dot."""


class FolderBlobs:
    """A `BlobStore` in a local folder. `incoming` is where spools for it should lie: on its own file system."""

    find_again: FindAgain | None = None

    def __init__(self, root: Path, *, reserve: int = RESERVE) -> None:
        self.root = root.absolute()
        self.reserve = reserve
        self.incoming = self.root / INCOMING
        self.incoming.mkdir(parents=True, exist_ok=True)
        self._place = str(self.root)
        self._settled: set[str] = set()

    def keep(self, key: str, spool: Spool) -> None:
        """See `BlobStore.keep`: the file is synced, then named. From another file system it is copied."""
        path = self._path(key)
        with _availability("written"):
            require_room(self.root, self.reserve)
            os.fdatasync(spool.fileno())
            try:
                self._link(spool, path)
            except OSError as why:
                if why.errno != errno.EXDEV:
                    raise
                self._copy(spool, path)

    def settle(self, keys: Iterable[str]) -> None:
        """See `BlobStore.settle`: one sync per folder, of a new folder its parents too."""
        with _availability("written"):
            for folder in {self._path(key).rpartition("/")[0] for key in keys}:
                self._settle(folder)

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """See `BlobStore.put`."""
        self._path(key)
        with Spool(self.incoming, reserve=self.reserve) as spool:
            for chunk in chunks:
                spool.write(chunk)
            self.keep(key, spool)
        self.settle([key])

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `BlobStore.read`."""
        with _availability("read"), Path(self._path(key)).open("rb") as file:
            file.seek(offset)
            data = file.read(-1 if length is None else length)
        if length is not None and len(data) != length:
            raise Corrupt(f"blob {key} is shorter than its index says")
        return data

    def chunks(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `BlobStore.chunks`."""
        with _availability("read"), Path(self._path(key)).open("rb") as file:
            file.seek(offset)
            left = length if length is not None else os.fstat(file.fileno()).st_size - offset
            while left > 0:
                piece = file.read(min(CHUNK, left))
                if not piece:
                    raise Corrupt(f"blob {key} is shorter than its index says")
                left -= len(piece)
                yield piece

    def holds(self, key: str, length: int) -> bool:
        """See `BlobStore.holds`."""
        path = Path(self._path(key))
        with _availability("read"):
            return path.is_file() and path.stat().st_size >= length

    def delete(self, key: str) -> None:
        """See `BlobStore.delete`."""
        with _availability("deleted"):
            Path(self._path(key)).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """See `BlobStore.list`."""
        with _availability("read"):
            for key in self._keys(prefix):
                with suppress(FileNotFoundError):  # it was deleted between the listing and now
                    status = (self.root / key).stat()
                    yield BlobInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def check(self) -> None:
        """See `BlobStore.check`."""
        Spool(self.incoming, reserve=self.reserve).close()

    def clear_aside(self, older_than_s: float = 3600) -> None:
        """Remove what a crashed process left where files need a name to arrive; a living writer is never this slow."""
        limit = time.time() - older_than_s
        for path in self.incoming.iterdir():
            with suppress(FileNotFoundError):  # its writer finished between the listing and now
                if path.is_file() and path.stat().st_mtime < limit:
                    path.unlink()

    def _keys(self, folder: str) -> Iterator[str]:
        """Keys below a folder; a folder is sorted as if its name ended with the slash that follows in its keys."""
        try:
            with os.scandir(self.root / folder) as entries:
                names = sorted(entry.name + "/" if entry.is_dir() else entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            if name.startswith("."):
                continue
            if name.endswith("/"):
                yield from self._keys(folder + name)
            else:
                yield folder + name

    def _path(self, key: str) -> str:
        """A text rather than a `Path`: making those took a tenth of the time of keeping a small image."""
        if key.startswith(("/", ".")) or ".." in key.split("/"):
            raise Invalid("a blob key is a plain relative path")
        return f"{self._place}/{key}"

    def _link(self, spool: Spool, path: str) -> None:
        try:
            _name(spool.source, path)
        except FileNotFoundError:
            folder = Path(path).parent
            self._settled.discard(str(folder))
            folder.mkdir(parents=True, exist_ok=True)
            self._link(spool, path)
        except FileExistsError:  # put again because it was damaged
            aside = self.incoming / uuid4().hex
            _name(spool.source, str(aside))
            aside.replace(path)
            aside.unlink(missing_ok=True)  # one file under two names is not renamed (POSIX rename)

    def _copy(self, spool: Spool, path: str) -> None:
        with spool.view() as view, Spool(self.incoming, reserve=self.reserve) as copied:
            for start in range(0, len(view), CHUNK):
                copied.write(view[start : start + CHUNK])
            os.fdatasync(copied.fileno())
            self._link(copied, path)

    def _settle(self, folder: str) -> None:
        _sync_folder(folder)
        if folder in self._settled:
            return
        for parent in Path(folder).parents:
            _sync_folder(str(parent))
            if parent == self.root:
                break
        if len(self._settled) > _MOST_SETTLED:
            self._settled.clear()
        self._settled.add(folder)


def _name(source: str, path: str) -> None:
    """Give an open file a name. (Only with a folder's descriptor does `os.link` call `linkat` with
    AT_SYMLINK_FOLLOW, which an unnamed file's path below /proc needs.)"""
    place, _, name = path.rpartition("/")
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(source, name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _availability(verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as why:
        if verb == "read" and isinstance(why, FileNotFoundError):
            raise NotFound("no such blob") from why
        raise Unavailable(f"the data folder cannot be {verb}: {why.strerror}") from why

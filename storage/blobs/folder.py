"""Blobs in a folder: written aside, synced, then renamed into place."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from storage.blobs.store import BlobInfo
from storage.errors import Corrupt, Invalid, NotFound, Unavailable

CHUNK = 1 << 20
RESERVE = 256 << 20
"""Bytes of disk that are never filled: refusing early leaves room for the index to stay consistent."""


class FolderBlobs:
    """A `BlobStore` in a local folder."""

    def __init__(self, root: Path, *, reserve: int = RESERVE) -> None:
        self.root = root.absolute()
        self.reserve = reserve
        self._aside = self.root / ".aside"
        self._aside.mkdir(parents=True, exist_ok=True)
        self._synced: set[Path] = set()

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """See `BlobStore.put`: file synced, renamed, folder synced."""
        path = self._path(key)
        aside = self._aside / uuid4().hex
        with _availability("written"):
            self._require_room()
            try:
                with aside.open("xb") as file:
                    file.writelines(chunks)
                    file.flush()
                    os.fsync(file.fileno())
                self._make_folder(path.parent)
                aside.replace(path)
                _sync_folder(path.parent)
            finally:
                aside.unlink(missing_ok=True)

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `BlobStore.read`."""
        with _availability("read"), self._path(key).open("rb") as file:
            file.seek(offset)
            data = file.read(-1 if length is None else length)
        if length is not None and len(data) != length:
            raise Corrupt(f"blob {key} is shorter than its index says")
        return data

    def chunks(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `BlobStore.chunks`."""
        with _availability("read"), self._path(key).open("rb") as file:
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
        path = self._path(key)
        with _availability("read"):
            return path.is_file() and path.stat().st_size >= length

    def delete(self, key: str) -> None:
        """See `BlobStore.delete`."""
        with _availability("deleted"):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """See `BlobStore.list`; in no order."""
        for path in (self.root / prefix).rglob("*"):
            if path.is_file() and self._aside not in path.parents:
                status = path.stat()
                modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield BlobInfo(path.relative_to(self.root).as_posix(), status.st_size, modified_at)

    def check(self) -> None:
        """See `BlobStore.check`."""
        with _availability("written"):
            self._require_room()
            probe = self._aside / uuid4().hex
            probe.touch()
            probe.unlink()

    def clear_aside(self, older_than_s: float = 3600) -> None:
        """Remove what writers of a crashed process left; a living writer is never this slow."""
        limit = time.time() - older_than_s
        for path in self._aside.iterdir():
            with suppress(FileNotFoundError):  # its writer finished between the listing and now
                if path.stat().st_mtime < limit:
                    path.unlink()

    def _path(self, key: str) -> Path:
        if key.startswith(("/", ".")) or ".." in key.split("/"):
            raise Invalid("a blob key is a plain relative path")
        return self.root / key

    def _require_room(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < self.reserve:
            raise Unavailable(
                f"the disk of the data folder is nearly full: {free >> 20} MiB free, "
                f"{self.reserve >> 20} MiB are kept back; make room or move FARLIGHT_DATA"
            )

    def _make_folder(self, folder: Path) -> None:
        if folder in self._synced:
            return
        folder.mkdir(parents=True, exist_ok=True)
        for parent in (folder, *folder.parents):
            _sync_folder(parent)
            if parent == self.root:
                break
        self._synced.add(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _availability(verb: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as why:
        raise NotFound("no such blob") from why
    except OSError as why:
        raise Unavailable(f"the data folder cannot be {verb}: {why.strerror}") from why

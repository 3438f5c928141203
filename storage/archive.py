"""The two places where an archive lies, opened once and passed to whoever works on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.blobs import BlobStore, FolderBlobs
from storage.database import Database
from storage.errors import Invalid


@dataclass(frozen=True)
class Archive:
    """An index and its bytes. `incoming` is a folder for what is still arriving."""

    database: Database
    blobs: BlobStore
    incoming: Path

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def open_archive(database_url: str, blobs_url: str, data: Path) -> Archive:
    """Open both parts. Nothing is created but the folders."""
    incoming = data / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return Archive(Database(database_url), open_blobs(blobs_url), incoming)


def open_blobs(url: str) -> BlobStore:
    """A blob store by its URL: ``file:///path``."""
    if not url.startswith("file://"):
        raise Invalid(f"FARLIGHT_BLOBS_URL: no blob store for {url.split(':', 1)[0]!r}; use file:///folder")
    return FolderBlobs(Path(url.removeprefix("file://")))

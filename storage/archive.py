"""The two places where an archive lies, opened once and passed to whoever works on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.blobs import BlobStore, FolderBlobs
from storage.database import Database
from storage.disk import RESERVE
from storage.errors import Invalid
from storage.spool import Spool


@dataclass(frozen=True)
class Archive:
    """An index and its bytes. `incoming` is a folder for what is still arriving, best on the blobs' own disk."""

    database: Database
    blobs: BlobStore
    incoming: Path

    def spool(self) -> Spool:
        """A file for one instance on its way in. Raises `Unavailable` if there is no room for any."""
        reserve = self.blobs.reserve if isinstance(self.blobs, FolderBlobs) else RESERVE
        return Spool(self.incoming, reserve=reserve)

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def open_archive(database_url: str, blobs_url: str, data: Path) -> Archive:
    """Open both parts. Nothing is created but the folders."""
    blobs = open_blobs(blobs_url)
    incoming = blobs.incoming if isinstance(blobs, FolderBlobs) else data / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return Archive(Database(database_url), blobs, incoming)


def open_blobs(url: str) -> BlobStore:
    """A blob store by its URL: ``file:///path``."""
    if not url.startswith("file://"):
        raise Invalid(f"FARLIGHT_BLOBS_URL: no blob store for {url.split(':', 1)[0]!r}; use file:///folder")
    return FolderBlobs(Path(url.removeprefix("file://")))

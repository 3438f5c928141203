"""Where one archive lies, for tests that open it themselves and for the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.archive import Archive, open_archive
from storage.blobs import S3Keys


@dataclass(frozen=True)
class Place:
    """Where one archive lies. `data` is a folder for whatever is kept locally."""

    data: Path
    database_url: str
    blobs_url: str
    keys: S3Keys | None = None

    def open(self) -> Archive:
        """Open it as the program would."""
        archive = open_archive(self.database_url, self.blobs_url, self.data, self.keys)
        archive.blobs.check()
        return archive

    @property
    def environment(self) -> dict[str, str]:
        """It as settings of the program."""
        keys = self.keys and {
            "FARLIGHT_S3_ACCESS_KEY": self.keys.access,
            "FARLIGHT_S3_SECRET_KEY": self.keys.secret,
        }
        return {
            "FARLIGHT_DATA": str(self.data),
            "FARLIGHT_DATABASE_URL": self.database_url,
            "FARLIGHT_BLOBS_URL": self.blobs_url,
            **(keys or {}),
        }


def embedded_place(data: Path) -> Place:
    """What the program makes of a data folder alone."""
    return Place(data, f"sqlite:///{data / 'farlight.db'}", f"file://{data / 'blobs'}")

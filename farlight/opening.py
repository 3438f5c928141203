"""Opening the archive for a command or a process."""

from __future__ import annotations

from farlight.settings import Settings
from storage.archive import Archive, open_archive
from storage.migrations import require_current


def open_current_archive(settings: Settings) -> Archive:
    """The archive, if its schema is the one this program knows. Raises `Unavailable` otherwise."""
    archive = open_archive(settings.database, settings.blobs, settings.data, settings.s3_keys)
    require_current(archive.database)
    return archive

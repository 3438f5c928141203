"""Opening the archive for a command or a process."""

from __future__ import annotations

import structlog

from farlight.settings import Settings
from storage.archive import Archive, open_archive
from storage.migrations import require_current

log = structlog.get_logger(__name__)


def open_current_archive(settings: Settings) -> Archive:
    """The archive, if its schema is the one this program knows. Raises `Unavailable` otherwise."""
    archive = open_archive(settings.database, settings.blobs, settings.data, settings.s3_keys)
    require_current(archive.database)
    for doubt in archive.database.doubts():
        log.warning("not durable", why=doubt)
    return archive

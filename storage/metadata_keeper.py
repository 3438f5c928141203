"""Makes the metadata of series that have come to rest, so that the first reader finds them made.

Follows the change feed from where it is when this starts, a little before: what it misses is made when somebody reads
it, so no place is remembered.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile

import structlog
from sqlalchemy import select

from storage.archive import Archive
from storage.changes import Change, changes_after, last_position
from storage.errors import Corrupt
from storage.series_metadata import bring_up
from storage.tables import series

log = structlog.get_logger(__name__)

REST = timedelta(seconds=2)
"""A study to which nothing came for this long has come to rest."""
_BEFORE = 10_000
"""Changes before the newest that are looked at again at the start."""


class MetadataKeeper:
    """One follower; for one thread. Several side by side are harmless, and do the same work."""

    def __init__(self, archive: Archive, rest: timedelta = REST) -> None:
        self._archive = archive
        self._rest = rest
        self._position: int | None = None

    def run_once(self) -> int:
        """See to studies that have come to rest since; returns how many. Raises `Unavailable`."""
        changes = self._news()
        limit = datetime.now(UTC) - self._rest
        rested = list(takewhile(lambda change: change.at <= limit, changes))
        if not rested:
            return 0
        busy = {change.study for change in changes[len(rested) :]}
        studies = sorted({change.study for change in rested} - busy)
        for row in studies:
            self._see_to(row)
        self._position = rested[-1].id
        return len(studies)

    def _news(self) -> list[Change]:
        with self._archive.database.read() as connection:
            if self._position is None:
                self._position = max(0, last_position(connection) - _BEFORE)
            return changes_after(connection, self._position)

    def _see_to(self, study_row: int) -> None:
        with self._archive.database.read() as connection:
            rows = list(connection.execute(select(series.c.id).where(series.c.study == study_row)).scalars())
        try:
            bring_up(self._archive, rows)
        except Corrupt as why:
            log.warning("metadata not made", study=study_row, why=why.message)

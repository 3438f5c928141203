"""Which instances are packed: those of series that have gone quiet, each series into as few objects as may be.

One object for each slice is slow to read and dear to keep in a bucket. A worker goes through the studies in the order
in which they went quiet, and remembers how far it has come; a study that gets images later comes up again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, select

from storage.archive import Archive
from storage.changes import move_cursor, read_cursor
from storage.repacking import LYING_COLUMNS, Lying, Pace, at_once, pack_together
from storage.tables import instance, series, study

log = structlog.get_logger(__name__)

MOST = 64 << 20
"""Bytes that one pack holds: what is read, written and, one day, thrown away at once."""
MANY = 1000
"""Instances that one pack holds: what is moved in one transaction."""
LARGE = 32 << 20
"""An instance of so many bytes gains nothing by being packed."""
SMALL = 8 << 20
"""What lies in one blob of a series, if it is less, is brought together with others."""
_CONSUMER = "packing"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def pack_quiet(
    archive: Archive,
    quiet: timedelta,
    *,
    pace: Pace = at_once,
    stopped: Callable[[], bool] = bool,
) -> int:
    """Pack the series of all studies that have had no new image for `quiet`; returns how many instances were moved.

    Raises `Unavailable`. Whatever ends it, the next call goes on where it was.
    """
    moved = 0
    while not stopped() and (at := _next_quiet(archive, quiet)) is not None:
        for one in _series_of(archive, at):
            if stopped():
                return moved
            moved += pack_series(archive, one, pace)
        _remember(archive, at)
    if moved:
        log.info("packed", instances=moved)
    return moved


def pack_series(archive: Archive, series_row: int, pace: Pace = at_once) -> int:
    """Pack one series; returns how many instances were moved. Documents of ours lie alone, as they were signed."""
    columns = [instance.c[name] for name in LYING_COLUMNS]
    query = select(*columns).where(instance.c.series == series_row, instance.c.origin == "received")
    ordered = query.order_by(instance.c.instance_number.nulls_last(), instance.c.id)
    with archive.database.read() as connection:
        rows = [Lying.of(instance, row, "received") for row in connection.execute(ordered)]
    return sum(pack_together(archive, group, pace) for group in groups_of(rows))


def groups_of(rows: Sequence[Lying]) -> Iterator[list[Lying]]:
    """What is to lie together: instances of small blobs, in order, up to `MOST` bytes and `MANY`, if they lie apart."""
    of_blob: dict[str, int] = defaultdict(int)
    for row in rows:
        of_blob[row.blob_key] += row.length
    group: list[Lying] = []
    size = 0
    for row in rows:
        if row.length >= LARGE or (of_blob[row.blob_key] >= SMALL and of_blob[row.blob_key] != row.length):
            continue
        if size + row.length > MOST or len(group) == MANY:
            yield from _worth_it(group)
            group, size = [], 0
        group.append(row)
        size += row.length
    yield from _worth_it(group)


def _worth_it(group: list[Lying]) -> Iterator[list[Lying]]:
    if len({row.blob_key for row in group}) > 1:
        yield group


def _next_quiet(archive: Archive, quiet: timedelta) -> datetime | None:
    with archive.database.read() as connection:
        done = _EPOCH + timedelta(microseconds=read_cursor(connection, _CONSUMER))
        query = select(func.min(study.c.last_received_at)).where(
            study.c.last_received_at > done, study.c.last_received_at < datetime.now(UTC) - quiet
        )
        found: datetime | None = connection.execute(query).scalar()
        return found


def _series_of(archive: Archive, at: datetime) -> list[int]:
    """Series of the studies whose last image came at this moment."""
    query = select(series.c.id).join(study, study.c.id == series.c.study)
    with archive.database.read() as connection:
        return list(
            connection.execute(query.where(study.c.last_received_at == at).order_by(series.c.id)).scalars()
        )


def _remember(archive: Archive, at: datetime) -> None:
    with archive.database.write() as connection:
        move_cursor(archive.database, connection, _CONSUMER, (at - _EPOCH) // timedelta(microseconds=1))

"""The metadata of each series, made once and kept as they are given away (PS3.18 10.4.1.1.2).

A series' metadata are the texts of its instances in reading order, compressed, in one part or several, as rows beside
the index: they come and go with it in one transaction, on every pair of stores, and take a tenth of the room of the
headers that are there already. Nothing tells this table that images came: a part names its instances, so that whoever
reads sees from their number and the newest whether some are missing, and adds them. The worker does so when a series
has come to rest (`storage.metadata_keeper`), the first reader if the worker has not. Who changes what an instance says,
or hides one, deletes the rows of its series in the same transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import Select, func, select

from storage.archive import Archive
from storage.errors import Unavailable
from storage.gapped_gzip import Gapped
from storage.metadata_parts import FORM, Part, extended, keep, kept_parts, reading_order
from storage.tables import instance, series_metadata

log = structlog.get_logger(__name__)


def digests(archive: Archive, rows: Sequence[int]) -> list[str]:
    """The names of what `read` would give now, in order."""
    if _lacking(archive, rows):
        return [part.digest for part in read(archive, rows)]
    columns = (series_metadata.c.series, series_metadata.c.digest)
    with archive.database.read() as connection:
        found = connection.execute(_parts_of(rows, *columns)).all()
    return [row.digest for row in sorted(found, key=lambda row: rows.index(row.series))]


def read(archive: Archive, rows: Sequence[int]) -> list[Part]:
    """The metadata of the series with these row numbers, in their order, complete as of now.

    Raises `Corrupt` if a header that must be read is gone, `Unavailable`.
    """
    found = {row: _brought_up(archive, row) for row in _lacking(archive, rows)}
    columns = (series_metadata.c.series, series_metadata.c.digest, series_metadata.c.content)
    query = _parts_of([row for row in rows if row not in found], *columns)
    with archive.database.read() as connection:
        for row in connection.execute(query):
            found.setdefault(row.series, []).append(Part(row.digest, Gapped.from_bytes(row.content)))
    return [part for row in rows for part in found.get(row, [])]


def bring_up(archive: Archive, rows: Sequence[int]) -> int:
    """Make what lacks of the metadata of these series; returns of how many something did."""
    lacking = _lacking(archive, rows)
    for row in lacking:
        _brought_up(archive, row)
    return len(lacking)


def _lacking(archive: Archive, rows: Sequence[int]) -> list[int]:
    """The series of which something is not kept."""
    held = (
        select(instance.c.series, func.count(), func.max(instance.c.id))
        .where(instance.c.series.in_(rows), instance.c.rejection.is_(None))
        .group_by(instance.c.series)
    )
    table = series_metadata.c
    kept = (
        select(table.series, func.sum(table.instances), func.max(table.last_instance))
        .where(table.series.in_(rows), table.form == FORM)
        .group_by(table.series)
    )
    with archive.database.read() as connection:
        known = {row: (int(count), last) for row, count, last in connection.execute(kept)}
        wanted = {row: (int(count), last) for row, count, last in connection.execute(held)}
    return [row for row in rows if row in wanted and wanted[row] != known.get(row)]


def _parts_of(rows: Sequence[int], *columns: Any) -> Select[Any]:
    table = series_metadata.c
    return select(*columns).where(table.series.in_(rows)).order_by(table.series, table.number)


def _brought_up(archive: Archive, row: int) -> list[Part]:
    """All parts of a series. Those that lack are made and kept; if they cannot be kept they are given all the same."""
    with _alone(archive, row):
        with archive.database.read() as connection:
            known = kept_parts(connection, row)
            order = reading_order(connection, row)  # after the parts: it names at least what they hold
        now = extended(archive, known, order)
        if now != known:
            try:
                keep(archive.database, row, known, now)
            except Unavailable as why:
                log.warning("metadata not kept", series=row, why=why.message)
    return [each.part for each in now]


_flights: WeakValueDictionary[tuple[str, int], threading.Lock] = WeakValueDictionary()
_flights_lock = threading.Lock()


@contextmanager
def _alone(archive: Archive, row: int) -> Iterator[None]:
    """One thread of this process at a time makes the metadata of a series; those that wait find them made."""
    with _flights_lock:
        flight = _flights.setdefault((archive.database.url, row), threading.Lock())
    with flight:
        yield

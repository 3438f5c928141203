"""Rows that exist, made to say what their blobs say. Their numbers stay: requests and reports refer to them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from storage.held_studies import PATIENT_AND_STUDY_TAGS, SERIES_TAGS, patient_row
from storage.prepared import Prepared
from storage.tables import instance, series, series_metadata, study

_STUDY = (
    *("study_date", "study_time", "accession_number", "study_id", "study_description"),
    "referring_physician_name",
)
_SERIES = ("modality", "series_number", "series_description", "body_part_examined")
_HEADER = (
    *("sop_class_uid", "transfer_syntax_uid", "instance_number", "rows", "columns"),
    "number_of_frames",
)


def differences(row: Any, found: Prepared) -> dict[str, Any]:
    """What an instance's row should say and does not, by column; `row` has the columns of `instance`."""
    wanted = {
        **{name: getattr(found.header, name) for name in _HEADER},
        "header_length": found.header.header_length,
        "charset": "\\".join(found.header.charset_terms),
        "length": found.length,
        "dataset_offset": found.dataset_offset,
        "sha256": found.blob.sha256,
        "origin": found.blob.origin,
        "sender": found.blob.sender,
        "received_at": found.blob.received_at,
    }
    wrong = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    packed = {"layout": found.header.packed_layout, "header": found.header.packed}
    return wrong | {name: data for name, data in packed.items() if not _same(getattr(row, name), data)}


def correct(connection: Connection, batch: Sequence[Prepared]) -> int:
    """Correct the rows of instances, and of the series and studies that they were the first of. Returns how many
    rows were wrong. Instances without a row, and those held aside, are passed over."""
    found = {one.place: one for one in batch}
    query = select(instance).where(
        instance.c.blob_key.in_({one.blob_key for one in batch}),
        instance.c.blob_offset.in_({one.blob_offset for one in batch}),
    )
    rows = [row for row in connection.execute(query) if _place(row) in found]
    wrong = [row for row in rows if _set(connection, instance, row.id, differences(row, found[_place(row)]))]
    told = series_metadata.c.series.in_({row.series for row in wrong})
    connection.execute(delete(series_metadata).where(told))
    corrected = len(wrong)
    first = _first_of_series(connection, {row.series for row in rows})
    opening = [row for row in rows if first[row.series] == row.received_at]
    corrected += sum(_correct_series(connection, row, found[_place(row)]) for row in opening)
    return corrected + _correct_studies(connection, opening, found)


def _place(row: Any) -> tuple[str, int]:
    return row.blob_key, row.blob_offset


def _same(kept: bytes | None, wanted: bytes | None) -> bool:
    """Packed bytes mean the same if they unpack to the same."""
    if kept is None or wanted is None or kept == wanted:
        return kept == wanted
    try:
        return zlib.decompress(kept) == zlib.decompress(wanted)
    except zlib.error:
        return False


def _first_of_series(connection: Connection, rows: Iterable[int]) -> dict[int, datetime]:
    """Per series when its first instance came."""
    query = select(instance.c.series, func.min(instance.c.received_at)).where(
        instance.c.series.in_(list(rows))
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(instance.c.series))}


def _first_of_study(connection: Connection, rows: Iterable[int]) -> dict[int, int]:
    """Per study the series whose first instance came first."""
    query = select(series.c.study, instance.c.series, func.min(instance.c.received_at).label("first"))
    joined = query.join(series, series.c.id == instance.c.series).where(series.c.study.in_(list(rows)))
    found = connection.execute(joined.group_by(series.c.study, instance.c.series).order_by("first"))
    first: dict[int, int] = {}
    for row in found:
        first.setdefault(row.study, row.series)
    return first


def _correct_series(connection: Connection, row: Any, found: Prepared) -> bool:
    kept = connection.execute(select(series).where(series.c.id == row.series)).one()
    return _set(connection, series, kept.id, _wrong(kept, found, _SERIES, SERIES_TAGS))


def _correct_studies(
    connection: Connection, opening: Sequence[Any], found: dict[tuple[str, int], Prepared]
) -> int:
    query = select(series.c.id, series.c.study).where(series.c.id.in_([row.series for row in opening]))
    studies = {row.id: row.study for row in connection.execute(query)}
    first = _first_of_study(connection, set(studies.values()))
    return sum(
        _correct_study(connection, studies[row.series], found[_place(row)])
        for row in opening
        if first[studies[row.series]] == row.series
    )


def _correct_study(connection: Connection, study_row: int, found: Prepared) -> bool:
    kept = connection.execute(select(study).where(study.c.id == study_row)).one()
    wrong = _wrong(kept, found, _STUDY, PATIENT_AND_STUDY_TAGS)
    if (described := patient_row(connection, found)) != kept.patient:
        wrong["patient"] = described
    return _set(connection, study, kept.id, wrong)


def _wrong(kept: Any, found: Prepared, names: tuple[str, ...], tags: tuple[str, ...]) -> dict[str, Any]:
    wanted = {name: getattr(found.header, name) for name in names}
    wanted["attributes"] = found.header.attributes(tags)
    return {name: value for name, value in wanted.items() if getattr(kept, name) != value}


def _set(connection: Connection, table: Table, row: int, values: dict[str, Any]) -> bool:
    if values:
        connection.execute(update(table).where(table.c.id == row).values(**values))
    return bool(values)

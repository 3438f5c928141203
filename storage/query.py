"""Searching the index for studies, series and instances, for whichever wire asks (C-FIND, QIDO-RS).

Keys of any level are allowed at any level: a study is found by its series' modality as well as a series by its
patient's name. The newest study comes first, and the order is total, so that pages neither overlap nor leave gaps
while nothing new arrives. A search takes three statements: what its keys leave is counted (`starting_points`), the
row numbers are found (`finding`), and the rows of the page are read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from storage.blobs import BlobStore
from storage.errors import Invalid
from storage.finding import Conditions, Seen, find_rows
from storage.json_model import JsonModel
from storage.matching import condition
from storage.matching_moments import combined_range
from storage.query_answers import answered_tags, instance_answer, known_of, series_answer, study_answer
from storage.query_keys import QUERY_KEYS, Level, QueryKey
from storage.starting_points import starting_point
from storage.stored_header import HEADER_COLUMNS, StoredHeader
from storage.tables import instance, patient, series, study
from storage.visibility import Visible

DEFAULT_LIMIT = 100
MAX_LIMIT = 5000
MAX_COUNT = 2**31
"""No limit or offset is larger: a database counts no further."""

_LOADED_AT_ONCE = 1000
"""Rows by one statement: a database takes a bounded number of parameters."""


@dataclass(frozen=True)
class Match:
    """An attribute, by keyword, and the values of which any may match; no value, or an empty one, matches all."""

    keyword: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """What is looked for. `include` are tags (eight hexadecimal digits) to be returned beside the required ones, or
    ``all``; a `limit` above `MAX_LIMIT` means `MAX_LIMIT`."""

    level: Level
    matches: Sequence[Match] = ()
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    include: Collection[str] = field(default_factory=frozenset)
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    fuzzy: bool = False
    combined: bool = False
    """Ranges of StudyDate and StudyTime are one range of moments (PS3.4 C.2.2.2.5.2)."""

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if not 0 <= value <= MAX_COUNT:
                raise Invalid(f"{name} is a whole number from 0 to {MAX_COUNT}", parameter=name)


@dataclass(frozen=True)
class Page:
    """What was found, in the DICOM JSON model, and beside it the code of the hospital whose each item is; `more`
    tells that the search has further results after these."""

    items: list[JsonModel]
    sites: list[str]
    more: bool


def search(connection: Connection, query: Query, visible: Seen, blobs: BlobStore | None = None) -> Page:
    """Run a query over the studies under `visible`. A header that is too large for the index is read from `blobs`;
    without them an instance is answered from what it is found by.

    Raises `Invalid`, naming the attribute, for a key that cannot be matched on and for a malformed value.
    """
    limit = min(query.limit, MAX_LIMIT)
    found = find(connection, query, visible, limit + 1)
    rows = load(connection, query.level, found[:limit])
    return Page(
        [_answer(query, row, blobs) for row in rows], [row.site for row in rows], more=len(found) > limit
    )


def find(connection: Connection, query: Query, visible: Seen, limit: int) -> list[int]:
    """The row numbers, in the table of the level, of what `search` would return; `limit` counts, not the query's."""
    _conditions(query)  # what is wrong with a key is told before anything is counted
    sites = visible.sites if isinstance(visible, Visible) and visible.beside is None else None
    start = starting_point(connection, _scope_and_keys(query), fuzzy=query.fuzzy, sites=sites)
    conditions = _conditions(query, covered=start.covers if start else "")
    return find_rows(connection, query.level, conditions, visible, start, limit=limit, offset=query.offset)


def load(
    connection: Connection, level: Level, rows: Sequence[int], *, headers: bool = True
) -> list[Row[Any]]:
    """What is answered of these rows, in their order. Of instances with `headers` or without."""
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(rows), _LOADED_AT_ONCE):
        statement = _columns(level, headers).where(_ROW[level].in_(rows[start : start + _LOADED_AT_ONCE]))
        found |= {row.row: row for row in connection.execute(statement)}
    return [found[row] for row in rows if row in found]


def _scope_and_keys(query: Query) -> list[tuple[str, Sequence[str]]]:
    scope = (
        ("SeriesInstanceUID", query.series_instance_uid),
        ("StudyInstanceUID", query.study_instance_uid),
    )
    named = [(keyword, (uid,)) for keyword, uid in scope if uid is not None]
    return [*named, *((match.keyword, match.values) for match in query.matches)]


def _conditions(query: Query, covered: str = "") -> Conditions:
    """Conditions by the table they speak of."""
    found: Conditions = {}
    moments = _moments(query)
    if moments is not None:
        days, times = moments
        found["study"] = [
            combined_range(_key(days.keyword), _key(times.keyword), days.values[0], times.values[0])
        ]
    for match in query.matches:
        if match.keyword == covered or (moments is not None and match in moments):
            continue
        key = _key(match.keyword)
        made = condition(key, match.values, fuzzy=query.fuzzy)
        if made is not None:
            found.setdefault(key.table, []).append(made)
    if query.study_instance_uid is not None:
        found.setdefault("study", []).append(study.c.study_instance_uid == query.study_instance_uid)
    if query.series_instance_uid is not None:
        found.setdefault("series", []).append(series.c.series_instance_uid == query.series_instance_uid)
    return found


def _moments(query: Query) -> tuple[Match, Match] | None:
    """The ranges of days and times that are to be read as one."""
    named = {match.keyword: match for match in query.matches}
    days, times = named.get("StudyDate"), named.get("StudyTime")
    if not query.combined or days is None or times is None:
        return None
    both = (days, times)
    return both if all(len(one.values) == 1 and "-" in one.values[0] for one in both) else None


def _key(keyword: str) -> QueryKey:
    key = QUERY_KEYS.get(keyword)
    if key is None:
        raise Invalid(f"{keyword} is not an attribute that can be matched on", attribute=keyword)
    return key


_ROW = {
    Level.PATIENT: patient.c.id,
    Level.STUDY: study.c.id,
    Level.SERIES: series.c.id,
    Level.INSTANCE: instance.c.id,
}
_PATIENT_COLUMNS = (
    patient.c.site,
    patient.c.patient_name,
    patient.c.patient_id,
    patient.c.issuer,
    patient.c.patient_birth_date,
    patient.c.patient_sex,
)
_STUDY_COLUMNS = (
    study.c.site,
    study.c.patient,
    study.c.id.label("study"),
    study.c.study_instance_uid,
    study.c.modalities_in_study,
    study.c.number_of_study_related_series,
    study.c.number_of_study_related_instances,
    study.c.attributes.label("study_attributes"),
)
_SERIES_COLUMNS = (
    series.c.series_instance_uid,
    series.c.number_of_series_related_instances,
    series.c.attributes.label("series_attributes"),
)
_INSTANCE_COLUMNS = (
    instance.c.sop_instance_uid,
    instance.c.sop_class_uid,
    instance.c.instance_number,
    instance.c.rows,
    instance.c.columns,
    instance.c.number_of_frames,
)


def _columns(level: Level, headers: bool) -> Select[Any]:
    row = _ROW[level].label("row")
    if level is Level.PATIENT:
        return select(row, *_PATIENT_COLUMNS)
    if level is Level.STUDY:
        return select(row, *_STUDY_COLUMNS)
    if level is Level.SERIES:
        columns = select(row, *_STUDY_COLUMNS, *_SERIES_COLUMNS)
        return columns.join_from(study, series, series.c.study == study.c.id)
    header = HEADER_COLUMNS if headers else ()
    columns = select(row, *_STUDY_COLUMNS, *_SERIES_COLUMNS, *_INSTANCE_COLUMNS, *header)
    joined = columns.join_from(study, series, series.c.study == study.c.id)
    return joined.join(instance, instance.c.series == series.c.id)


def _answer(query: Query, row: Row[Any], blobs: BlobStore | None) -> JsonModel:
    include = frozenset(query.include)
    whole_study = query.study_instance_uid is None
    if query.level is Level.STUDY:
        return study_answer(row, include)
    if query.level is Level.SERIES:
        return series_answer(row, include, with_study=whole_study)
    return instance_answer(
        row,
        _header(row, include, blobs),
        include,
        with_study=whole_study,
        with_series=query.series_instance_uid is None,
    )


def _header(row: Row[Any], include: frozenset[str], blobs: BlobStore | None) -> JsonModel:
    if row.packed_header is None and blobs is None:
        return known_of(row)
    held = StoredHeader(*(getattr(row, name) for name in StoredHeader.__dataclass_fields__))
    return held.header_json(blobs, answered_tags(include))

"""Searching the index for studies, series and instances, for whichever wire asks (C-FIND, QIDO-RS).

Keys of any level are allowed at any level: a study is found by its series' modality as well as a series by its
patient's name. The newest study comes first, and the order is total, so that pages neither overlap nor leave gaps
while nothing new arrives. A search takes three statements: what its keys leave is counted (`starting_points`), the
row numbers are found (`finding`), and the rows of the page are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row

from storage.blobs import BlobStore
from storage.counting import count_rows
from storage.errors import Invalid
from storage.finding import Conditions, Seen, find_rows
from storage.json_model import JsonModel
from storage.looking_through import MAX_LOOKED_THROUGH, looked_through
from storage.matching import condition
from storage.matching_held import HeldKey
from storage.matching_moments import combined_range
from storage.query_answers import ALL, answered_tags, instance_answer, known_of, series_answer, study_answer
from storage.query_facts import SOP_CLASSES_IN_STUDY, sop_classes
from storage.query_keys import QUERY_KEYS, Level, QueryKey
from storage.query_rows import load
from storage.starting_points import StartingPoint, starting_point
from storage.stored_header import StoredHeader
from storage.tables import series, study
from storage.visibility import Visible

DEFAULT_LIMIT = 100
MAX_LIMIT = 5000
MAX_COUNT = 2**31
"""No limit or offset is larger: a database counts no further."""


@dataclass(frozen=True)
class Match:
    """An attribute, by keyword, and the values of which any may match; no value, or an empty one, matches all."""

    keyword: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """What is looked for. `include` are tags (eight hexadecimal digits) to be returned beside the required ones, or
    ``all``; a `limit` above `MAX_LIMIT` means `MAX_LIMIT`. `held` is asked of attributes that are in no index."""

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
    held: Mapping[str, HeldKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("limit", self.limit), ("offset", self.offset)):
            if not 0 <= value <= MAX_COUNT:
                raise Invalid(f"{name} is a whole number from 0 to {MAX_COUNT}", parameter=name)


@dataclass(frozen=True)
class Page:
    """What was found, in the DICOM JSON model, and beside it the code of the hospital whose each item is; `more`
    tells that the search has further results after these. `total` is None where it was not counted."""

    items: list[JsonModel]
    sites: list[str]
    more: bool
    total: int | None


@dataclass(frozen=True)
class _Plan:
    conditions: Conditions
    start: StartingPoint | None


def search(
    connection: Connection, query: Query, visible: Seen, blobs: BlobStore | None = None, *, counted: int = 0
) -> Page:
    """Run a query over the studies under `visible`. A header that is too large for the index is read from `blobs`;
    without them an instance is answered from what it is found by. The results in all are counted if no more than
    `counted` studies are gone through for it, or if these are the last.

    Raises `Invalid`, naming the attribute, for a key that cannot be matched on and for a malformed value, and
    ``TOO_BROAD`` if too much would have to be looked through.
    """
    limit, plan = min(query.limit, MAX_LIMIT), _plan(connection, query, visible)
    total: int | None
    if query.held:
        every = _look_through(connection, query, plan, visible, blobs)
        found, total = every[query.offset : query.offset + limit + 1], len(every)
    else:
        found = _find(connection, query, plan, visible, limit + 1, query.offset)
        total = _total(connection, query, plan, visible, len(found), counted)
    rows = load(connection, query.level, found[:limit])
    return Page(
        _answers(connection, query, rows, blobs), [row.site for row in rows], len(found) > limit, total
    )


def find(connection: Connection, query: Query, visible: Seen, limit: int) -> list[int]:
    """The row numbers, in the table of the level, of what `search` would return; `limit` counts, not the query's."""
    return _find(connection, query, _plan(connection, query, visible), visible, limit, query.offset)


def _plan(connection: Connection, query: Query, visible: Seen) -> _Plan:
    _conditions(query)  # what is wrong with a key is told before anything is counted
    sites = visible.sites if isinstance(visible, Visible) and visible.beside is None else None
    start = starting_point(connection, _scope_and_keys(query), fuzzy=query.fuzzy, sites=sites)
    return _Plan(_conditions(query, covered=start.covers if start else ""), start)


def _find(
    connection: Connection, query: Query, plan: _Plan, visible: Seen, limit: int, offset: int
) -> list[int]:
    return find_rows(
        connection, query.level, plan.conditions, visible, plan.start, limit=limit, offset=offset
    )


def _total(
    connection: Connection, query: Query, plan: _Plan, visible: Seen, found: int, counted: int
) -> int | None:
    """`found` includes the one beyond the page."""
    if found <= min(query.limit, MAX_LIMIT) and (found or not query.offset):
        return query.offset + found
    if not counted:
        return None
    return count_rows(connection, query.level, plan.conditions, visible, plan.start, counted)


def _look_through(
    connection: Connection, query: Query, plan: _Plan, visible: Seen, blobs: BlobStore | None
) -> list[int]:
    most = MAX_LOOKED_THROUGH[query.level]
    rows = _find(connection, query, plan, visible, most + 1, 0)
    everything = replace(query, include={ALL}, study_instance_uid=None, series_instance_uid=None)
    return list(
        looked_through(
            query.level,
            rows,
            query.held,
            lambda some: load(connection, query.level, some),
            lambda row: _answer(everything, row, blobs, frozenset({ALL})),
        )
    )


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


def _answers(
    connection: Connection, query: Query, rows: list[Row[Any]], blobs: BlobStore | None
) -> list[JsonModel]:
    include = frozenset(query.include)
    items = [_answer(query, row, blobs, include) for row in rows]
    if query.level is Level.STUDY and not include.isdisjoint({ALL, SOP_CLASSES_IN_STUDY}):
        classes = sop_classes(connection, {row.study for row in rows})
        for item, row in zip(items, rows, strict=True):
            item[SOP_CLASSES_IN_STUDY] = {"vr": "UI", "Value": classes.get(row.study, [])}
    return items


def _answer(query: Query, row: Row[Any], blobs: BlobStore | None, include: frozenset[str]) -> JsonModel:
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

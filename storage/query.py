"""Searching the index for studies, series and instances, for whichever wire asks (C-FIND, QIDO-RS).

One statement per search. Keys of any level are allowed at any level: a study is found by its series' modality as
well as a series by its patient's name. The newest study comes first, and the order is total, so that pages
neither overlap nor leave gaps while nothing new arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from storage.errors import Invalid
from storage.json_model import JsonModel, unpack_json
from storage.matching import condition
from storage.query_answers import instance_answer, series_answer, study_answer
from storage.query_keys import QUERY_KEYS, Level, QueryKey
from storage.tables import instance, patient, series, study

DEFAULT_LIMIT = 100
MAX_LIMIT = 5000
MAX_COUNT = 2**31
"""No limit or offset is larger: a database counts no further."""

_TABLES = {
    Level.STUDY: ("patient", "study"),
    Level.SERIES: ("patient", "study", "series"),
    Level.INSTANCE: ("patient", "study", "series", "instance"),
}


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


def search(connection: Connection, query: Query, visible: ColumnElement[bool]) -> Page:
    """Run a query over the studies under `visible`, a condition on `study`.

    Raises `Invalid`, naming the attribute, for a key that cannot be matched on and for a malformed value.
    """
    limit = min(query.limit, MAX_LIMIT)
    statement = _ordered(_statement(query, visible), query.level)
    rows = connection.execute(statement.limit(limit + 1).offset(query.offset)).all()
    found = rows[:limit]
    return Page([_answer(query, row) for row in found], [row.site for row in found], more=len(rows) > limit)


def _statement(query: Query, visible: ColumnElement[bool]) -> Select[Any]:
    by_table = _conditions(query)
    held = [*by_table.pop("study", [])]
    if patients := by_table.pop("patient", None):
        held.append(study.c.patient.in_(select(patient.c.id).where(*patients)))
    for table in _TABLES[query.level][2:]:
        held += by_table.pop(table, [])
    below = _below(query.level, by_table)
    return _columns(query.level).where(visible, *_scope(query), *held, *below)


def _conditions(query: Query) -> dict[str, list[ColumnElement[bool]]]:
    """Conditions by the table they speak of."""
    found: dict[str, list[ColumnElement[bool]]] = {}
    for match in query.matches:
        key = _key(match.keyword)
        made = condition(key, match.values, fuzzy=query.fuzzy)
        if made is not None:
            found.setdefault(key.table, []).append(made)
    return found


def _key(keyword: str) -> QueryKey:
    key = QUERY_KEYS.get(keyword)
    if key is None:
        raise Invalid(f"{keyword} is not an attribute that can be matched on", attribute=keyword)
    return key


def _below(level: Level, by_table: dict[str, list[ColumnElement[bool]]]) -> Iterable[ColumnElement[bool]]:
    """Conditions on what a study or series contains: one series, and one instance in it, must meet all of them."""
    if not by_table:
        return []
    on_series, on_instance = by_table.get("series", []), by_table.get("instance", [])
    if level is Level.SERIES:
        return [series.c.id.in_(select(instance.c.series).where(*on_instance))]
    inside = select(series.c.study).where(*on_series)
    if on_instance:
        inside = inside.join(instance, instance.c.series == series.c.id).where(*on_instance)
    return [study.c.id.in_(inside)]


def _scope(query: Query) -> Iterable[ColumnElement[bool]]:
    if query.study_instance_uid is not None:
        yield study.c.study_instance_uid == query.study_instance_uid
    if query.series_instance_uid is not None:
        yield series.c.series_instance_uid == query.series_instance_uid


_STUDY_COLUMNS = (
    study.c.site,
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


def _columns(level: Level) -> Select[Any]:
    if level is Level.STUDY:
        return select(*_STUDY_COLUMNS)
    if level is Level.SERIES:
        return select(*_STUDY_COLUMNS, *_SERIES_COLUMNS).join_from(
            study, series, series.c.study == study.c.id
        )
    return (
        select(*_STUDY_COLUMNS, *_SERIES_COLUMNS, instance.c.header)
        .join_from(study, series, series.c.study == study.c.id)
        .join(instance, instance.c.series == series.c.id)
    )


def _ordered(statement: Select[Any], level: Level) -> Select[Any]:
    statement = statement.order_by(study.c.study_date.desc(), study.c.study_time.desc(), study.c.id.desc())
    if level is not Level.STUDY:
        statement = statement.order_by(series.c.series_number.asc().nulls_last(), series.c.id)
    if level is Level.INSTANCE:
        statement = statement.order_by(instance.c.instance_number.asc().nulls_last(), instance.c.id)
    return statement


def _answer(query: Query, row: Row[Any]) -> JsonModel:
    include = frozenset(query.include)
    whole_study = query.study_instance_uid is None
    if query.level is Level.STUDY:
        return study_answer(row, include)
    if query.level is Level.SERIES:
        return series_answer(row, include, with_study=whole_study)
    return instance_answer(
        row,
        unpack_json(row.header),
        include,
        with_study=whole_study,
        with_series=query.series_instance_uid is None,
    )

"""Which rows a query finds, in which order: the half of a search that a million studies make slow or fast.

Only row numbers are found, mostly in indexes alone; `storage.query` reads the rows that are answered. The newest
study comes first, and the order is total. What is asked of other tables than the one gone through is asked row by
row, by scalar subqueries: written as joins or ``IN``, a database may begin at their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, literal, select, union_all
from sqlalchemy.sql import visitors

from storage.query_keys import Level
from storage.starting_points import StartingPoint
from storage.tables import instance, patient, series, study
from storage.visibility import Visible

Condition = ColumnElement[bool]
Seen = Condition | Visible
"""Which studies may be found: a condition on `study`, or the same told in parts."""

Conditions = dict[str, list[Condition]]
"""What is asked of the rows of a table, by its name."""

MAX_PARTS = 24
"""Of what a person sees: each is gone through by itself, in its own index."""
_SEVERAL = 3
_DEPTHS = (2_000, 16_000, 128_000)
"""Studies of all parts together that are looked at before more are."""


def find_rows(
    connection: Connection,
    level: Level,
    conditions: Conditions,
    visible: Seen,
    start: StartingPoint | None,
    *,
    limit: int,
    offset: int = 0,
) -> list[int]:
    """Row numbers in the table of `level`."""
    statement: Any
    if level is Level.PATIENT:
        statement = _patients(conditions, visible, start)
    elif level is Level.STUDY and start is None and isinstance(visible, Visible) and _in_parts(visible):
        asked = asked_of(level, conditions)
        for since in _windows(connection, visible, conditions):
            newest = _newest_of_parts(visible.parts(), [*asked, study.c.study_date >= since], limit + offset)
            found = list(connection.execute(newest.limit(limit).offset(offset)).scalars())
            if len(found) == limit:
                return found
        statement = _newest_of_parts(visible.parts(), asked, limit + offset)
    else:
        statement = _below_patient(level, conditions, visible, start)
    return list(connection.execute(statement.limit(limit).offset(offset)).scalars())


def is_of_dates(condition: Condition) -> bool:
    """Whether it asks only what the index of each part holds."""
    columns = {part.name for part in visitors.iterate(condition) if isinstance(part, Column)}
    return columns <= {"study_date", "study_time"}


def _windows(connection: Connection, visible: Visible, conditions: Conditions) -> Iterator[str]:
    """Days since when there are so many studies, if there are several parts and few of each may be meant: each part
    must fill the page by itself, and together they have gone far back where one step would have done."""
    dated = any(is_of_dates(one) for one in conditions.get("study", []))
    if len(visible.sites) < _SEVERAL or dated or not any(conditions.values()):
        return
    for depth in _DEPTHS:
        at = depth // len(visible.sites)
        days = (
            select(study.c.study_date)
            .where(study.c.site == site)
            .order_by(study.c.study_date.desc(), study.c.study_time.desc(), study.c.id.desc())
            .limit(1)
            .offset(at)
            .scalar_subquery()
            for site in visible.sites
        )
        known = [day for day in connection.execute(select(*days)).one() if day is not None]
        if not known:
            return
        yield max(known)


def _in_parts(visible: Visible) -> bool:
    return 1 <= len(visible.parts()) <= MAX_PARTS


def _seen(visible: Seen) -> Condition:
    if not isinstance(visible, Visible):
        return visible
    parts = visible.parts()
    return parts[0] if len(parts) == 1 else visible.condition()


# -- studies, series, instances --------------------------------------------------------------------


def _below_patient(
    level: Level, conditions: Conditions, visible: Seen, start: StartingPoint | None
) -> Select[Any]:
    asked = asked_of(level, conditions)
    if start is None:
        return _newest_first(rows_of(level).where(_seen(visible), *asked), level)
    seen = visible.condition() if isinstance(visible, Visible) else visible
    begun = rows_of(level).where(start.condition(level), seen, *asked)
    return _newest_first(begun, level, sorting=True)


def rows_of(level: Level) -> Select[Any]:
    """The row numbers of a level, study or below, with all tables above it."""
    if level is Level.STUDY:
        return select(study.c.id)
    if level is Level.SERIES:
        return select(series.c.id).join_from(study, series, series.c.study == study.c.id)
    both = select(instance.c.id).join_from(study, series, series.c.study == study.c.id)
    return both.join(instance, instance.c.series == series.c.id)


def _newest_first(statement: Select[Any], level: Level, *, sorting: bool = False) -> Select[Any]:
    """With `sorting` the order is not one that an index has: what was begun elsewhere stays there."""
    day = study.c.study_date.concat("") if sorting else study.c.study_date
    statement = statement.order_by(day.desc(), study.c.study_time.desc(), study.c.id.desc())
    if level is not Level.STUDY:
        # what has no number comes last on every database
        statement = statement.order_by(series.c.series_number.asc().nulls_last(), series.c.id)
    if level is Level.INSTANCE:
        statement = statement.order_by(instance.c.instance_number.asc().nulls_last(), instance.c.id)
    return statement


def _newest_of_parts(parts: list[Condition], asked: list[Condition], most: int) -> Select[Any]:
    """The newest of each part, and of these the newest; a study that is in several parts counts once."""
    if len(parts) == 1:
        return _newest_first(select(study.c.id).where(parts[0], *asked), Level.STUDY)
    columns = select(study.c.id, study.c.study_date, study.c.study_time)
    newest = [
        select(_newest_first(columns.where(part, *asked), Level.STUDY).limit(most).subquery())
        for part in parts
    ]
    merged = union_all(*newest).subquery("merged")
    order = (merged.c.study_date.desc(), merged.c.study_time.desc(), merged.c.id.desc())
    return select(merged.c.id).distinct().add_columns(*merged.c[1:]).order_by(*order)


# -- patients --------------------------------------------------------------------------------------


def _patients(conditions: Conditions, visible: Seen, start: StartingPoint | None) -> Select[Any]:
    """Patients who have such a study; who came last comes first."""
    inner = asked_of(Level.STUDY, {**conditions, "patient": []})
    its_study = study.c.patient == patient.c.id
    statement = select(patient.c.id).where(*conditions.get("patient", []))
    if isinstance(visible, Visible) and visible.beside is None:
        statement = statement.where(patient.c.site.in_(visible.sites))
    seen = visible.condition() if isinstance(visible, Visible) else visible
    statement = statement.where(_there_is(select(literal(True)).where(its_study, seen, *inner)))
    if start is not None:
        statement = statement.where(start.condition(Level.PATIENT))
    return statement.order_by(patient.c.id.desc())


# -- conditions ------------------------------------------------------------------------------------


def asked_of(level: Level, conditions: Conditions) -> list[Condition]:
    """What is asked of any table, as conditions on a row of `level`."""
    on_study, on_series, on_instance = (conditions.get(name, []) for name in ("study", "series", "instance"))
    asked = [study.c.rejected.is_(False), *on_study, *_of_patient(conditions.get("patient", []))]
    if level is Level.INSTANCE:
        return [*asked, *on_series, *on_instance, instance.c.rejection.is_(None)]
    if level is Level.SERIES:
        left = series.c.number_of_series_related_instances > 0
        return [*asked, left, *on_series, *_of_instances(on_instance)]
    return [*asked, *_of_contents(on_series, on_instance)]


def _of_patient(wanted: list[Condition]) -> Iterable[Condition]:
    if wanted:
        yield select(and_(*wanted)).where(patient.c.id == study.c.patient).scalar_subquery()


def _of_contents(on_series: list[Condition], on_instance: list[Condition]) -> Iterable[Condition]:
    """One series, and one instance in it, must meet all of them."""
    if not (on_series or on_instance):
        return
    inside = select(literal(True)).select_from(series).where(series.c.study == study.c.id, *on_series)
    inside = inside.where(series.c.number_of_series_related_instances > 0)
    if on_instance:
        left = instance.c.rejection.is_(None)
        inside = inside.join(instance, instance.c.series == series.c.id).where(*on_instance, left)
    yield _there_is(inside)


def _of_instances(wanted: list[Condition]) -> Iterable[Condition]:
    if wanted:
        left = instance.c.rejection.is_(None)
        inside = select(literal(True)).where(instance.c.series == series.c.id, *wanted, left)
        yield _there_is(inside)


def _there_is(rows: Select[Any]) -> Condition:
    return rows.limit(1).scalar_subquery()

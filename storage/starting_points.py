"""Where in the index a search begins: at the few rows that one of its keys leaves, or at the newest study.

With a million studies either can be a thousand times slower than the other, and what a database guesses of it is
wrong too often, the more so where it has no statistics. So the rows that a key leaves are counted in its index, up
to `FEW`. A key with no more of them is the starting point, and what it leaves is sorted; else studies are gone
through from the newest on, and are many enough to fill a page soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, intersect, or_, select

from storage.matching import EMPTY, cases, has_wildcard, literal_prefix, plain_beginning
from storage.name_search import MAX_WORD_LENGTH, begins_with, whole_group
from storage.query_keys import Level
from storage.tables import instance, patient, patient_word, series, study
from storage.text import search_form

FEW = 5000
"""Rows that are quicker looked up and sorted than passed by on the way from the newest study."""
_FEW_SERIES = 15_000
_SEVERAL = 2


@dataclass(frozen=True)
class StartingPoint:
    """The studies whose `column`, ``study.id`` or ``study.patient``, is among `rows`; `few` if they need no count,
    else they are few up to `most`. `covers` names the key that need not be asked once more."""

    column: ColumnElement[Any]
    rows: Select[Any]
    few: bool = False
    most: int = FEW
    covers: str = ""

    def condition(self, level: Level) -> ColumnElement[bool]:
        """The same as a condition on `study`, or at patient level on `patient`."""
        if level is not Level.PATIENT:
            return self.column.in_(self.rows)
        if self.column is study.c.patient:
            return patient.c.id.in_(self.rows)
        return patient.c.id.in_(select(study.c.patient).where(self.column.in_(self.rows)))


Key = tuple[str, Sequence[str]]
"""A keyword, and the values of which any may match."""


def starting_point(
    connection: Connection, keys: Iterable[Key], *, fuzzy: bool, sites: Sequence[str] | None = None
) -> StartingPoint | None:
    """The key that leaves the fewest rows, if they are few; `sites` if only theirs are seen."""
    points = [point for keyword, values in keys for point in _points(keyword, values, fuzzy, sites)]
    for point in points:
        if point.few:
            return point
    if not points:
        return None
    counts = connection.execute(select(*(_count(point) for point in points))).one()
    counted = [(count, n) for n, count in enumerate(counts) if count <= points[n].most]
    if counted:
        return points[min(counted)[1]]
    return _together(connection, [point for point in points if point.column is study.c.patient])


def _together(connection: Connection, points: Sequence[StartingPoint]) -> StartingPoint | None:
    """What several words of a name leave, each of which leaves many."""
    if len(points) < _SEVERAL:
        return None
    both = intersect(*(point.rows for point in points[:_SEVERAL])).limit(FEW + 1)
    patients = list(connection.execute(both).scalars())
    return StartingPoint(study.c.patient, _listed(patients)) if len(patients) <= FEW else None


def _listed(patients: Sequence[int]) -> Select[Any]:
    return select(patient.c.id).where(patient.c.id.in_(patients))


def _count(point: StartingPoint) -> ColumnElement[int]:
    return select(func.count()).select_from(point.rows.limit(point.most + 1).subquery()).scalar_subquery()


def _points(
    keyword: str, values: Sequence[str], fuzzy: bool, sites: Sequence[str] | None
) -> Iterator[StartingPoint]:
    wanted = [value for value in (one.strip(" \0") for one in values) if value]
    if not wanted or EMPTY in wanted:
        return
    if keyword in _UIDS:
        column, rows = _UIDS[keyword]
        yield StartingPoint(study.c.id, rows.where(column.in_(wanted)), few=True)
    elif keyword == "PatientName" and len(wanted) == 1:
        yield from (_fuzzy_name if fuzzy else _exact_name)(wanted[0], sites)
    elif keyword in _TEXTS and (made := _TEXTS[keyword](wanted)) is not None:
        yield made


def _exact_name(value: str, sites: Sequence[str] | None) -> Iterator[StartingPoint]:
    """Every component group is a word by itself, so that its beginning is a word's."""
    groups = [group.rstrip("^ ") for group in value.split("=")]
    for group in filter(None, groups):
        word, plain = whole_group(literal_prefix(group)), plain_beginning(group)
        covers = len(groups) == 1 and plain is not None and len(word) < MAX_WORD_LENGTH
        whole = covers and not has_wildcard(group)
        if len(word) > 1:
            yield _named(word[:MAX_WORD_LENGTH], sites, covers=covers, whole=whole)


def _fuzzy_name(value: str, sites: Sequence[str] | None) -> Iterator[StartingPoint]:
    words = search_form(value).split()
    for word in words:
        if prefix := literal_prefix(word)[:MAX_WORD_LENGTH]:
            yield _named(prefix, sites, covers=len(words) == 1 and plain_beginning(word) == prefix)


def _named(word: str, sites: Sequence[str] | None, *, covers: bool, whole: bool = False) -> StartingPoint:
    found = patient_word.c.word == word if whole else begins_with(patient_word.c.word, word)
    rows = select(patient_word.c.patient).where(found)
    if sites is not None:
        rows = rows.where(patient_word.c.site.in_(sites))
    return StartingPoint(study.c.patient, rows, covers="PatientName" if covers else "")


def _identifier(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool] | None:
    """Values as they are, and beginnings in the cases that are looked for; None if one has no beginning."""
    ranges = []
    for value in values:
        if not has_wildcard(value):
            ranges.append(column == value)
        elif prefix := literal_prefix(value):
            ranges += [begins_with(column, spelling) for spelling in cases(prefix)]
        else:
            return None
    return or_(*ranges)


def _patient_id(values: Sequence[str]) -> StartingPoint | None:
    found = _identifier(patient.c.patient_id, values)
    return None if found is None else StartingPoint(study.c.patient, select(patient.c.id).where(found))


def _accession_number(values: Sequence[str]) -> StartingPoint | None:
    found = _identifier(study.c.accession_number, values)
    return None if found is None else StartingPoint(study.c.id, select(study.c.id).where(found))


def _modality(values: Sequence[str]) -> StartingPoint | None:
    if any(map(has_wildcard, values)):
        return None
    codes = {spelling for value in values for spelling in cases(value)}
    rows = select(series.c.study).where(series.c.modality.in_(sorted(codes)))
    return StartingPoint(study.c.id, rows, most=_FEW_SERIES)


_UIDS = {
    "StudyInstanceUID": (study.c.study_instance_uid, select(study.c.id)),
    "SeriesInstanceUID": (series.c.series_instance_uid, select(series.c.study)),
    "SOPInstanceUID": (
        instance.c.sop_instance_uid,
        select(series.c.study).join(instance, instance.c.series == series.c.id),
    ),
}
_TEXTS: dict[str, Callable[[Sequence[str]], StartingPoint | None]] = {
    "PatientID": _patient_id,
    "AccessionNumber": _accession_number,
    "Modality": _modality,
    "ModalitiesInStudy": _modality,
}

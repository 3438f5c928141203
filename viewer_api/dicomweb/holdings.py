"""Finding what an address names among what the caller may see.

Two hospitals may hold the same study UID, for two persons even. The tree of a hospital means its own; in the tree of
all hospitals such an address means neither, and the answer says which trees to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, select

from storage.errors import Conflict, NotFound
from storage.retrieve import READING_ORDER, StoredInstance, first_instance, instances
from storage.tables import instance, series, study
from viewer_api.access import Caller
from viewer_api.remembered import remembered

T = TypeVar("T")

_MADE_OF_IMAGES = ("SEG", "RTDOSE", "PR", "KO", "REG")
"""Modalities whose objects have frames that are no images of the patient."""


def study_instances(caller: Caller, study_uid: str) -> list[StoredInstance]:
    """All instances of a study in reading order. Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``."""
    return _some(caller, study_uid, [], "study")


def series_instances(caller: Caller, study_uid: str, series_uid: str) -> list[StoredInstance]:
    """All instances of a series in reading order. Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``."""
    return _some(caller, study_uid, [series.c.series_instance_uid == series_uid], "series")


@dataclass(frozen=True)
class HeldSeries:
    """Series of one study, by their row numbers, in reading order."""

    site: str
    study_instance_uid: str
    rows: tuple[int, ...]


def held_series(caller: Caller, study_uid: str, series_uid: str | None = None) -> HeldSeries:
    """All series of a study, or the one. Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``. Remembered."""
    known = remembered(caller.archive.database)
    moment = known.now() if caller.moment is None else caller.moment
    key = ("series", caller.person, caller.site, study_uid, series_uid)
    return known.get(moment, key, lambda: _find_series(caller, study_uid, series_uid))


def _find_series(caller: Caller, study_uid: str, series_uid: str | None) -> HeldSeries:
    where = [] if series_uid is None else [series.c.series_instance_uid == series_uid]
    query = select(series.c.id, study.c.site).join(study, study.c.id == series.c.study).where(*where)
    with caller.archive.database.read() as connection:
        query = query.where(_one_study(connection, caller, study_uid))
        rows = connection.execute(query.order_by(*READING_ORDER[:2])).all()
    if not rows:
        raise NotFound(f"there is no such {'study' if series_uid is None else 'series'} here")
    return HeldSeries(rows[0].site, study_uid, tuple(row.id for row in rows))


def one_instance(caller: Caller, study_uid: str, series_uid: str, instance_uid: str) -> StoredInstance:
    """Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``. Remembered: a viewer asks for frame after frame."""
    key = ("instance", study_uid, series_uid, instance_uid)
    return _remembered(caller, key, lambda: _find_instance(caller, study_uid, series_uid, instance_uid))


def _remembered(caller: Caller, key: tuple[str, ...], ask: Callable[[], T]) -> T:
    """What is asked within a request is asked after its moment."""
    if caller.moment is None:
        return ask()
    return remembered(caller.archive.database).get(caller.moment, (caller.person, caller.site, key), ask)


def _find_instance(caller: Caller, study_uid: str, series_uid: str, instance_uid: str) -> StoredInstance:
    where = (series.c.series_instance_uid == series_uid, instance.c.sop_instance_uid == instance_uid)
    with caller.archive.database.read() as connection:
        found = first_instance(connection, _one_study(connection, caller, study_uid), *where)
    if found is None:
        raise NotFound("there is no such instance here")
    return found


def middle_image(caller: Caller, study_uid: str, series_uid: str | None = None) -> StoredInstance:
    """The instance that stands for a series, and for a study that of the series with most frames, so that it is no
    localizer: the middle one with pixels, else the first of all. Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``."""
    where = [] if series_uid is None else [series.c.series_instance_uid == series_uid]
    query = (
        select(
            *(instance.c.id, instance.c.number_of_frames, instance.c.layout.is_not(None).label("pixels")),
            *(series.c.id.label("series"), series.c.modality),
        )
        .join_from(instance, series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(*where, instance.c.rejection.is_(None))
        .order_by(*READING_ORDER)
    )
    with caller.archive.database.read() as connection:
        rows = connection.execute(query.where(_one_study(connection, caller, study_uid))).all()
        if not rows:
            raise NotFound(
                "there is no such study here" if series_uid is None else "there is no such series here"
            )
        chosen = first_instance(connection, instance.c.id == _representative(rows))
    if chosen is None:
        raise NotFound("there is no such instance here")
    return chosen


def _representative(rows: Sequence[Row[Any]]) -> int:
    """The row number of the instance that stands for all of them."""
    images = [row for row in rows if row.pixels] or list(rows[:1])
    taken = [row for row in images if row.modality not in _MADE_OF_IMAGES] or images
    frames = Counter[int]()
    for row in taken:
        frames[row.series] += row.number_of_frames
    most = max(frames, key=lambda each: frames[each])  # the first of several
    of_series = [row for row in taken if row.series == most]
    return int(of_series[len(of_series) // 2].id)


def require_one_study(connection: Connection, caller: Caller, study_uid: str) -> None:
    """Raises `Conflict` ``AMBIGUOUS_STUDY`` with `sites`; that there is none is well."""
    _visible_study(connection, caller, study_uid)


def _some(
    caller: Caller, study_uid: str, where: list[ColumnElement[bool]], what: str
) -> list[StoredInstance]:
    with caller.archive.database.read() as connection:
        found = instances(connection, _one_study(connection, caller, study_uid), *where)
    if not found:
        raise NotFound(f"there is no such {what} here")
    return found


def _one_study(connection: Connection, caller: Caller, study_uid: str) -> ColumnElement[bool]:
    found = _visible_study(connection, caller, study_uid)
    if found is None:
        raise NotFound("there is no such study here")
    return study.c.id == found


def _visible_study(connection: Connection, caller: Caller, study_uid: str) -> int | None:
    """The row number; only among several hospitals there can be more than one."""
    rows = _remembered(caller, ("study", study_uid), lambda: _visible_studies(connection, caller, study_uid))
    if len(rows) > 1:
        raise Conflict(
            "several hospitals hold a study with this UID: ask under /sites/{code}/dicom-web",
            code="AMBIGUOUS_STUDY",
            sites=[row.site for row in rows],
        )
    return rows[0].id if rows else None


def _visible_studies(connection: Connection, caller: Caller, study_uid: str) -> Sequence[Row[Any, Any]]:
    query = select(study.c.id, study.c.site).order_by(study.c.site)
    known = query.where(caller.visible_studies(), study.c.study_instance_uid == study_uid)
    return connection.execute(known).all()

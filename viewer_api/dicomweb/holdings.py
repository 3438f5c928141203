"""Finding what an address names among what the caller may see.

Two hospitals may hold the same study UID. In the tree of all hospitals an address means one of them, the one that
came first; the tree of a hospital means its own.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select

from storage.errors import NotFound
from storage.retrieve import StoredInstance, first_instance, instances
from storage.tables import instance, series, study
from viewer_api.access import Caller


def study_instances(caller: Caller, study_uid: str) -> list[StoredInstance]:
    """All instances of a study in reading order. Raises `NotFound`."""
    return _some(caller, [_one_study(caller, study_uid)], "study")


def series_instances(caller: Caller, study_uid: str, series_uid: str) -> list[StoredInstance]:
    """All instances of a series in reading order. Raises `NotFound`."""
    where = [_one_study(caller, study_uid), series.c.series_instance_uid == series_uid]
    return _some(caller, where, "series")


def one_instance(caller: Caller, study_uid: str, series_uid: str, instance_uid: str) -> StoredInstance:
    """Raises `NotFound`."""
    where = (
        _one_study(caller, study_uid),
        series.c.series_instance_uid == series_uid,
        instance.c.sop_instance_uid == instance_uid,
    )
    with caller.archive.database.read() as connection:
        found = first_instance(connection, *where)
    if found is None:
        raise NotFound("there is no such instance here")
    return found


def middle_image(caller: Caller, study_uid: str, series_uid: str | None = None) -> StoredInstance:
    """The instance that stands for a series, or for a study the first series with pixels: the middle one with
    pixels, else the first of all. Raises `NotFound`."""
    where = [_one_study(caller, study_uid)]
    if series_uid is not None:
        where.append(series.c.series_instance_uid == series_uid)
    query = (
        select(instance.c.id, series.c.id.label("series"), instance.c.layout.is_not(None).label("pixels"))
        .join_from(instance, series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(*where)
        .order_by(series.c.series_number.asc().nulls_last(), series.c.id)
        .order_by(instance.c.instance_number, instance.c.id)
    )
    with caller.archive.database.read() as connection:
        rows = connection.execute(query).all()
        if not rows:
            raise NotFound(
                "there is no such study here" if series_uid is None else "there is no such series here"
            )
        images = [row for row in rows if row.pixels] or rows[:1]
        of_first = [row for row in images if row.series == images[0].series]
        chosen = first_instance(connection, instance.c.id == of_first[len(of_first) // 2].id)
    if chosen is None:
        raise NotFound("there is no such instance here")
    return chosen


def _some(caller: Caller, where: list[ColumnElement[bool]], what: str) -> list[StoredInstance]:
    with caller.archive.database.read() as connection:
        found = instances(connection, *where)
    if not found:
        raise NotFound(f"there is no such {what} here")
    return found


def _one_study(caller: Caller, study_uid: str) -> ColumnElement[bool]:
    known = study.c.study_instance_uid == study_uid
    first = select(func.min(study.c.id)).where(caller.visible_studies(), known).scalar_subquery()
    return study.c.id == first

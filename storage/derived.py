"""What studies and series say of their instances, counted anew.

Counts, modalities, epoch and times are written by `ingest` in the transaction of each instance; here they are taken
from the instances themselves and compared. An epoch is never lowered: somebody may have signed under it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, func, select, update

from storage.locks import Lock, serialize
from storage.references import PAGE, pages
from storage.tables import change, instance, patient, series, study


@dataclass(frozen=True)
class Wrong:
    """A row that says something else than its instances: `values` is what it should say, by column. `study` is the
    number of its study, or its own."""

    table: Table
    row: int
    study: int
    site: str
    uid: str
    values: dict[str, Any]


def wrong_counts(connection: Connection, site_code: str = "") -> Iterator[Wrong]:
    """Every study and series whose derived columns are wrong, a page of studies at a time.

    To be asked of a connection on which nothing was asked yet: all is counted as it was at one moment.
    """
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    last = 0
    while studies := _page(connection, last, site_code):
        last = studies[-1].id
        yield from _wrong_among(connection, studies)


def correct_counts(connection: Connection, studies: Iterable[int]) -> int:
    """Count studies anew and correct what is wrong, in a write transaction in which nobody else can add to them.
    Returns how many rows were wrong."""
    corrected = 0
    serialize(connection, Lock.CHANGES)
    for some in pages(sorted(set(studies))):
        rows = list(connection.execute(select(study).where(study.c.id.in_(some)).with_for_update()))
        for wrong in list(_wrong_among(connection, rows)):
            connection.execute(
                update(wrong.table).where(wrong.table.c.id == wrong.row).values(**wrong.values)
            )
            corrected += 1
    return corrected


def _wrong_among(connection: Connection, studies: list[Any]) -> Iterator[Wrong]:
    numbers = [row.id for row in studies]
    parts, announced = _series_of(connection, numbers), _announced(connection, numbers)
    for row in studies:
        yield from _wrong_of(row, parts[row.id], announced.get(row.id, 0))


def strange_links(connection: Connection, site_code: str = "") -> Iterator[tuple[str, str]]:
    """(site, StudyInstanceUID) of studies whose patient, or instances, are those of another site."""
    joined = (
        select(study.c.site, study.c.study_instance_uid)
        .outerjoin(patient, patient.c.id == study.c.patient)
        .outerjoin(series, series.c.study == study.c.id)
        .outerjoin(instance, instance.c.series == series.c.id)
        .where(patient.c.id.is_(None) | (patient.c.site != study.c.site) | (instance.c.site != study.c.site))
        .distinct()
    )
    for row in connection.execute(joined.where(*_of_site(site_code))):
        yield row.site, row.study_instance_uid


def _of_site(site_code: str) -> tuple[ColumnElement[bool], ...]:
    return (study.c.site == site_code,) if site_code else ()


def _page(connection: Connection, after: int, site_code: str) -> list[Any]:
    query = select(study).where(study.c.id > after, *_of_site(site_code)).order_by(study.c.id).limit(PAGE)
    return list(connection.execute(query))


def _series_of(connection: Connection, studies: list[int]) -> dict[int, list[Any]]:
    """Per study its series with figures of their instances, in the order in which they came."""
    received = instance.c.origin == "received"
    query = (
        select(
            *(series.c.id, series.c.study, series.c.series_instance_uid, series.c.modality),
            series.c.number_of_series_related_instances.label("says"),
            func.count(instance.c.id).label("held"),
            func.count(case((instance.c.rejection.is_(None), instance.c.id))).label("seen"),
            func.count(case((received, instance.c.id))).label("received"),
            func.min(instance.c.id).label("first"),
            func.min(case((received, instance.c.id))).label("first_received"),
            func.max(case((received, instance.c.received_at))).label("last_at"),
        )
        .outerjoin(instance, instance.c.series == series.c.id)
        .where(series.c.study.in_(studies))
        .group_by(series.c.id)
        .order_by(func.min(instance.c.id))
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.study].append(row)
    return found


def _announced(connection: Connection, studies: list[int]) -> dict[int, int]:
    """The highest epoch that was announced of each study."""
    query = select(change.c.study, func.max(change.c.epoch)).where(change.c.study.in_(studies))
    return {row[0]: row[1] for row in connection.execute(query.group_by(change.c.study))}


def _wrong_of(row: Any, parts: list[Any], announced: int) -> Iterator[Wrong]:
    for part in parts:
        if part.says != part.seen:
            values = {"number_of_series_related_instances": part.seen}
            yield Wrong(series, part.id, row.id, row.site, part.series_instance_uid, values)
    right = _study_values(row, [part for part in parts if part.held], announced)
    wrong = {name: value for name, value in right.items() if getattr(row, name) != value}
    if wrong:
        yield Wrong(study, row.id, row.id, row.site, row.study_instance_uid, wrong)


def _study_values(row: Any, parts: list[Any], announced: int) -> dict[str, Any]:
    came, seen = [part for part in parts if part.received], [part for part in parts if part.seen]
    received = sum(part.received for part in parts)
    return {
        "number_of_study_related_series": len(seen),
        "number_of_study_related_instances": sum(part.seen for part in parts),
        "rejected": bool(parts) and not seen,
        "received_series": sum(part.first == part.first_received for part in came),
        "received_instances": received,
        "modalities_in_study": _with_missing(row.modalities_in_study, [part.modality for part in seen]),
        "received_modalities": _with_missing(row.received_modalities, [part.modality for part in came]),
        "epoch": max(row.epoch, announced, received),
        "last_received_at": max([row.last_received_at, *(part.last_at for part in came)]),
    }


def _with_missing(said: str, modalities: list[str]) -> str:
    """What the study says, and what it fails to say; an instance may differ from its series in this."""
    known = [part for part in said.split("\\") if part]
    return "\\".join(dict.fromkeys([*known, *modalities]))

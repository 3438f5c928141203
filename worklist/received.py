"""What a hospital sent and where it stands: its studies, quiet or arriving, asked for or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from storage.completeness import Count
from storage.identity import PersonName
from storage.tables import held_aside, patient, study
from storage.text import search_form
from worklist.completeness import of_studies
from worklist.tables import arrival, request


@dataclass(frozen=True)
class StudyFilters:
    """`visible` is the caller's own condition on `study`; the rest narrows it."""

    visible: ColumnElement[bool]
    site: str = ""
    text: str = ""
    study_instance_uid: str = ""


@dataclass(frozen=True)
class ReceivedStudy:
    """One study as its sender sees it; `stable` means quiet, which is a hint and no proof."""

    site: str
    study_instance_uid: str
    patient: dict[str, Any]
    study_date: str
    description: str
    accession_number: str
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    received_at: datetime
    epoch: int
    stable: bool
    conflict_count: int
    request: dict[str, Any] | None
    completeness: Count


@dataclass(frozen=True)
class HeldAside:
    """An instance kept apart: what came under a known identifier and was not the same."""

    id: int
    site: str
    kind: str
    study_instance_uid: str
    sop_instance_uid: str
    received_at: datetime
    sender: str
    detail: str


def received(connection: Connection, filters: StudyFilters, limit: int, offset: int) -> list[ReceivedStudy]:
    """A page of studies, the latest received first."""
    query = (
        select(study, *_PATIENT, arrival.c.stable_epoch, _conflicts().label("conflict_count"))
        .join(patient, patient.c.id == study.c.patient)
        .outerjoin(arrival, arrival.c.study == study.c.id)
        .where(*_conditions(filters))
        .order_by(study.c.last_received_at.desc(), study.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    asked, counts = _newest_requests(connection, ids), of_studies(connection, ids)
    return [_study(row, asked.get(row.id), counts[row.id]) for row in rows]


def row_of(connection: Connection, site: str, study_instance_uid: str) -> int:
    """The row number of a study that is there."""
    where = (study.c.site == site, study.c.study_instance_uid == study_instance_uid)
    row: int = connection.execute(select(study.c.id).where(*where)).scalar_one()
    return row


def received_total(connection: Connection, filters: StudyFilters) -> int:
    """How many there are."""
    joined = study.join(patient, patient.c.id == study.c.patient)
    query = select(func.count()).select_from(joined).where(*_conditions(filters))
    return connection.execute(query).scalar_one()


def held_aside_of(connection: Connection, sites: list[str], limit: int = 500) -> list[HeldAside]:
    """What was held aside for these hospitals, the latest first."""
    columns = [held_aside.c[name] for name in HeldAside.__dataclass_fields__]
    query = select(*columns).where(held_aside.c.site.in_(sites)).order_by(held_aside.c.id.desc()).limit(limit)
    return [HeldAside(**row._mapping) for row in connection.execute(query)]


_PATIENT = [
    patient.c[name] for name in ("patient_id", "issuer", "patient_name", "patient_sex", "patient_birth_date")
]


def _conflicts() -> Any:
    same = and_(
        held_aside.c.site == study.c.site, held_aside.c.study_instance_uid == study.c.study_instance_uid
    )
    return select(func.count()).select_from(held_aside).where(same).scalar_subquery()


def _conditions(filters: StudyFilters) -> list[ColumnElement[bool]]:
    conditions = [filters.visible]
    if filters.site:
        conditions.append(study.c.site == filters.site)
    if filters.study_instance_uid:
        conditions.append(study.c.study_instance_uid == filters.study_instance_uid)
    for word in search_form(filters.text).split():
        columns = (patient.c.patient_id, study.c.accession_number, study.c.study_description)
        anywhere = [func.lower(column).contains(word, autoescape=True) for column in columns]
        conditions.append(or_(patient.c.name_search.contains(word, autoescape=True), *anywhere))
    return conditions


def _newest_requests(connection: Connection, studies: list[int]) -> dict[int, dict[str, Any]]:
    query = select(request.c.study, request.c.id, request.c.state).where(request.c.study.in_(studies))
    rows = connection.execute(query.order_by(request.c.id))
    return {row.study: {"id": row.id, "state": row.state} for row in rows}


def _study(row: Any, asked: dict[str, Any] | None, count: Count) -> ReceivedStudy:
    name = PersonName.parse(row.patient_name)
    return ReceivedStudy(
        site=row.site,
        study_instance_uid=row.study_instance_uid,
        patient={
            "patient_id": row.patient_id,
            "issuer": row.issuer,
            "name": name.__dict__,
            "sex": row.patient_sex,
            "birth_date": row.patient_birth_date,
        },
        study_date=row.study_date,
        description=row.study_description,
        accession_number=row.accession_number,
        modalities=tuple(part for part in row.received_modalities.split("\\") if part),
        series_count=row.received_series,
        instance_count=row.received_instances,
        received_at=row.last_received_at,
        epoch=row.epoch,
        stable=row.stable_epoch is not None and row.stable_epoch == row.epoch,
        conflict_count=row.conflict_count,
        request=asked,
        completeness=count,
    )

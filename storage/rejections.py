"""Rejected instances (IHE IOCM): they are hidden, not deleted, and can be had back.

A note acts in the transaction that takes it in, on its own hospital's instances, those that come later included. The
note is hidden with what it rejects. Counts of studies and series are those of what can be seen; what was received
stays counted as received. The change feed tells of it, with a new epoch: whoever reads the study must look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from storage.header import KEY_OBJECTS
from storage.prepared import Prepared
from storage.receipt import Outcome, Receipt
from storage.rejection_note import RESTORED, Reference, RejectionNote, read_note
from storage.tables import change, instance, rejection, series, series_metadata, study

_CHUNK = 500
"""UIDs by one statement: a database takes a bounded number of parameters."""


@dataclass(frozen=True)
class Rejection:
    """One note and what became of it. `instances` counts those that it hides now, itself and its like left out."""

    id: int
    site: str
    study_instance_uid: str
    sop_instance_uid: str
    code: str
    reason: str
    actor: str
    at: datetime
    undone_at: datetime | None
    undone_by: str
    instances: int


def rejections(connection: Connection, *where: ColumnElement[bool], limit: int = 500) -> list[Rejection]:
    """Those under conditions on `rejection`, the latest first."""
    hidden = (
        select(func.count())
        .where(instance.c.rejection == rejection.c.id, instance.c.sop_class_uid != KEY_OBJECTS)
        .scalar_subquery()
    )
    names = [name for name in Rejection.__dataclass_fields__ if name != "instances"]
    query = select(*(rejection.c[name] for name in names), hidden.label("instances")).where(*where)
    rows = connection.execute(query.order_by(rejection.c.id.desc()).limit(limit))
    return [Rejection(**row._mapping) for row in rows]


def hidden_by(connection: Connection, row: int) -> list[Reference]:
    """The instances that a rejection hides now, itself and its like left out."""
    query = (
        select(series.c.series_instance_uid, instance.c.sop_class_uid, instance.c.sop_instance_uid)
        .join(series, series.c.id == instance.c.series)
        .where(instance.c.rejection == row, instance.c.sop_class_uid != KEY_OBJECTS)
        .order_by(instance.c.id)
    )
    return [Reference(*found) for found in connection.execute(query)]


def follow(
    connection: Connection, batch: Sequence[Prepared], receipts: Sequence[Receipt], noted: Iterable[int]
) -> None:
    """Let the rejection notes among instances that were just recorded act, and hide those of them that a note has
    named before; `noted` are the rows of their studies that have such notes. The caller holds `Lock.CHANGES`."""
    stored = [one for one, told in zip(batch, receipts, strict=True) if told.outcome is Outcome.STORED]
    for row in noted:
        _hide_late(connection, row, [one.header.sop_instance_uid for one in stored])
    for prepared in stored:
        note = read_note(prepared.header, own=prepared.blob.origin == "report")
        if note is not None:
            (_restore if note.code == RESTORED else _reject)(connection, prepared, note)


def _reject(connection: Connection, prepared: Prepared, note: RejectionNote) -> None:
    header, site = prepared.header, prepared.sender.site
    named = sorted(frozenset().union(*note.instances.values()))
    values = {
        "site": site,
        "study_instance_uid": header.study_instance_uid,
        "sop_instance_uid": header.sop_instance_uid,
        "code": note.code,
        "reason": note.reason,
        "actor": prepared.sender.name,
        "instances": named,
        "at": prepared.blob.received_at,
        "undone_by": "",
    }
    row = connection.execute(insert(rejection).values(**values).returning(rejection.c.id)).scalar_one()
    studies = _studies(connection, site, {header.study_instance_uid, *note.instances})
    connection.execute(update(study).where(study.c.id.in_(studies)).values(noted=True))
    for study_row in studies:
        _mark(connection, study_row, [*named, header.sop_instance_uid], row)
        _recount(connection, study_row)
        _announce(connection, study_row, "rejected")


def _restore(connection: Connection, prepared: Prepared, note: RejectionNote) -> None:
    """Takes back the rejections whose notes it names."""
    header, site = prepared.header, prepared.sender.site
    named = frozenset().union(*note.instances.values())
    wanted = (rejection.c.site == site, rejection.c.sop_instance_uid.in_(sorted(named)))
    rows = list(
        connection.execute(select(rejection.c.id).where(*wanted, rejection.c.undone_at.is_(None))).scalars()
    )
    undone = {"undone_at": prepared.blob.received_at, "undone_by": prepared.sender.name}
    connection.execute(update(rejection).where(rejection.c.id.in_(rows)).values(**undone))
    hidden = (instance.c.rejection.in_(rows), instance.c.sop_instance_uid.not_in(sorted(named)))
    query = select(series.c.study).join(instance, instance.c.series == series.c.id).where(*hidden).distinct()
    studies = {*connection.execute(query).scalars(), *_studies(connection, site, {header.study_instance_uid})}
    connection.execute(update(instance).where(*hidden).values(rejection=None))
    for study_row in sorted(studies):
        _mark(connection, study_row, [header.sop_instance_uid], rows[0] if rows else None)
        _recount(connection, study_row)
        _announce(connection, study_row, "restored")


def _studies(connection: Connection, site: str, uids: Iterable[str]) -> list[int]:
    query = select(study.c.id).where(study.c.site == site, study.c.study_instance_uid.in_(sorted(uids)))
    return list(connection.execute(query.order_by(study.c.id).with_for_update()).scalars())


def _mark(connection: Connection, study_row: int, uids: Sequence[str], row: int | None) -> None:
    """Hide instances of one study; what another note hides already stays hidden by that."""
    of_study = select(series.c.id).where(series.c.study == study_row)
    for start in range(0, len(uids), _CHUNK):
        here = instance.c.sop_instance_uid.in_(uids[start : start + _CHUNK])
        wanted = (instance.c.series.in_(of_study), here, instance.c.rejection.is_(None))
        connection.execute(update(instance).where(*wanted).values(rejection=row))


def _hide_late(connection: Connection, study_row: int, uids: Sequence[str]) -> None:
    active = (
        select(rejection.c.id, rejection.c.instances)
        .join(study, study.c.site == rejection.c.site)
        .where(study.c.id == study_row, rejection.c.undone_at.is_(None))
        .where(rejection.c.study_instance_uid == study.c.study_instance_uid)
    )
    for row in connection.execute(active).all():
        late = sorted(set(uids) & set(row.instances))
        if late:
            _mark(connection, study_row, late, row.id)
            _recount(connection, study_row)


def _recount(connection: Connection, study_row: int) -> None:
    """Counts of what can be seen; metadata that were made of other instances are made anew."""
    of_study = select(series.c.id).where(series.c.study == study_row)
    connection.execute(delete(series_metadata).where(series_metadata.c.series.in_(of_study)))
    counted = (
        select(series.c.id, series.c.modality, func.count(instance.c.id).label("seen"))
        .outerjoin(instance, (instance.c.series == series.c.id) & instance.c.rejection.is_(None))
        .where(series.c.study == study_row)
        .group_by(series.c.id, series.c.modality)
        .order_by(series.c.id)
    )
    parts = connection.execute(counted).all()
    for part in parts:
        of_part = update(series).where(series.c.id == part.id)
        connection.execute(of_part.values(number_of_series_related_instances=part.seen))
    left = [part for part in parts if part.seen]
    values = {
        "number_of_study_related_series": len(left),
        "number_of_study_related_instances": sum(part.seen for part in left),
        "modalities_in_study": "\\".join(dict.fromkeys(part.modality for part in left if part.modality)),
        "rejected": not left,
    }
    connection.execute(update(study).where(study.c.id == study_row).values(**values))


def _announce(connection: Connection, study_row: int, kind: str) -> None:
    connection.execute(update(study).where(study.c.id == study_row).values(epoch=study.c.epoch + 1))
    names = ("site", "study_instance_uid", "epoch", "received_instances")
    row = connection.execute(select(*(study.c[name] for name in names)).where(study.c.id == study_row)).one()
    told = {"kind": kind, "study": study_row, "site": row.site, "study_instance_uid": row.study_instance_uid}
    told |= {"epoch": row.epoch, "instance_count": row.received_instances, "at": datetime.now(UTC)}
    connection.execute(insert(change).values(**told))

"""Rejecting by hand, and taking that back: each is a note of ours that comes in like any other instance and acts then
(`storage.rejections`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from storage.archive import Archive
from storage.errors import Conflict, Invalid, NotFound
from storage.header import KEY_OBJECTS
from storage.ingest import Outcome, Sender, keep_document, record
from storage.json_model import JsonModel
from storage.rejection_note import REASONS, RESTORED, Reference, write_note
from storage.tables import instance, patient, rejection, series, study

Noted = Callable[[Connection], None]
"""Written in the transaction in which the note acts: who did it."""


@dataclass(frozen=True)
class Rejected:
    """What was rejected: how many instances of which study, by which note."""

    site: str
    study_instance_uid: str
    sop_instance_uid: str
    instances: int


@dataclass(frozen=True)
class _Study:
    site: str
    study_instance_uid: str
    attributes: JsonModel
    issuer: str


def reject(
    archive: Archive, where: ColumnElement[bool], code: str, reason: str, actor: str, noted: Noted
) -> Rejected:
    """Reject the instances under a condition on `study`, `series` and `instance`; they are of one study. Raises
    `Invalid` for a code that is none of `REASONS`, `NotFound` if there is nothing to reject."""
    if code not in REASONS:
        raise Invalid(f"reason is one of {', '.join(REASONS)}", parameter="reason", supported=sorted(REASONS))
    with archive.database.read() as connection:
        found = _study(connection, where)
        columns = (series.c.series_instance_uid, instance.c.sop_class_uid, instance.c.sop_instance_uid)
        rows = connection.execute(_joined(*columns).where(where).order_by(instance.c.id)).all()
    references = [Reference(*row) for row in rows]
    note = _take_in(archive, found, references, code, reason, actor, noted)
    return Rejected(found.site, found.study_instance_uid, note, len(references))


def restore(archive: Archive, row: int, reason: str, actor: str, noted: Noted) -> None:
    """Take a rejection back. Raises `NotFound`, `Conflict` if it was taken back before."""
    with archive.database.read() as connection:
        known = connection.execute(select(rejection).where(rejection.c.id == row)).one_or_none()
        if known is None:
            raise NotFound("there is no such rejection")
        if known.undone_at is not None:
            raise Conflict("this rejection was taken back already", undone_at=known.undone_at)
        where = (series.c.study == study.c.id) & (instance.c.sop_instance_uid == known.sop_instance_uid)
        of_site = where & (study.c.site == known.site)
        found = _study(connection, of_site, hidden=True)
        note = connection.execute(
            _joined(series.c.series_instance_uid, hidden=True).where(of_site)
        ).scalar_one()
    references = [Reference(note, KEY_OBJECTS, known.sop_instance_uid)]
    _take_in(archive, found, references, RESTORED, reason, actor, noted)


def _take_in(
    archive: Archive,
    found: _Study,
    references: list[Reference],
    code: str,
    reason: str,
    actor: str,
    noted: Noted,
) -> str:
    data, syntax = write_note(found.attributes, references, code, reason, datetime.now(UTC))
    prepared = keep_document(archive, data, syntax, Sender(found.site, actor, issuer=found.issuer))
    with archive.database.write() as connection:
        receipt = record(archive.database, connection, prepared)
        if receipt.outcome is not Outcome.STORED:
            raise Conflict("the rejection note could not be recorded with its study")
        noted(connection)
    return receipt.sop_instance_uid


def _study(connection: Connection, where: ColumnElement[bool], *, hidden: bool = False) -> _Study:
    columns = (study.c.id, study.c.site, study.c.study_instance_uid, study.c.attributes, patient.c.issuer)
    query = _joined(*columns, hidden=hidden).join(patient, patient.c.id == study.c.patient).where(where)
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        raise NotFound("there is nothing here that could be rejected")
    return _Study(row.site, row.study_instance_uid, row.attributes, row.issuer)


def _joined(*columns: Any, hidden: bool = False) -> Any:
    held = instance.join(series, series.c.id == instance.c.series).join(study, study.c.id == series.c.study)
    query = select(*columns).select_from(held)
    return query if hidden else query.where(instance.c.rejection.is_(None))

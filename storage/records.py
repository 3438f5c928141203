"""Rows for instances whose bytes are kept, many at once: few statements however many there are.

What comes out is what would have come out one after the other, in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from storage.compiled import Compiled, Listed, listed
from storage.database import Database
from storage.held_studies import HeldSeries, HeldStudies
from storage.locks import Lock, serialize
from storage.prepared import Prepared
from storage.receipt import Aside, Outcome, Receipt
from storage.rejections import follow
from storage.tables import held_aside, instance, series

_KNOWN = Listed(
    lambda size: (
        select(
            *(instance.c.site, instance.c.sop_instance_uid, instance.c.sha256),
            *(instance.c.blob_key, instance.c.blob_offset, series.c.series_instance_uid),
        )
        .join(series, series.c.id == instance.c.series)
        .where(
            instance.c.site.in_(listed("sites", size)),
            instance.c.sop_instance_uid.in_(listed("uids", size)),
        )
    )
)
_INSERT = Compiled(insert(instance).inline(), [name for name in instance.c.keys() if name != "id"])  # noqa: SIM118


@dataclass(frozen=True)
class _Known:
    """What the index has under an instance's identity."""

    sha256: str
    place: tuple[str, int]
    series_instance_uid: str


_Index = dict[tuple[str, str], _Known]


def record(database: Database, connection: Connection, prepared: Prepared) -> Receipt:
    """One instance, in the caller's transaction."""
    (receipt,) = record_batch(database, connection, [prepared])
    return receipt


def record_batch(database: Database, connection: Connection, batch: Sequence[Prepared]) -> list[Receipt]:
    """Write the rows of instances in the caller's transaction; they are visible when it commits.

    Nothing is ever overwritten: other bytes under a known identity are held aside. Receipts are in the order of
    `batch`. Takes `Lock.CHANGES`, which lasts until the transaction ends, and locks the studies.
    """
    if not batch:
        return []
    serialize(connection, Lock.CHANGES)
    work = _Batch(database, connection, batch)
    receipts = [work.take(prepared) for prepared in batch]
    work.write()
    follow(connection, batch, receipts, work.noted)
    return receipts


def held_already(connection: Connection, prepared: Prepared) -> tuple[str, int] | None:
    """Where the index has these very bytes, None if it has not."""
    known = _find_known(connection, [prepared]).get(_identity(prepared))
    return known.place if known is not None and known.sha256 == prepared.blob.sha256 else None


class _Batch:
    def __init__(self, database: Database, connection: Connection, batch: Sequence[Prepared]) -> None:
        self._database = database
        self._connection = connection
        self._studies = HeldStudies(connection, batch)
        self._known = _find_known(connection, batch)
        self._rows: list[dict[str, Any]] = []

    def take(self, prepared: Prepared) -> Receipt:
        """Judge one instance by the index and by those of the batch that came before it."""
        known = self._known.get(_identity(prepared))
        if known is not None:
            return self._take_again(prepared, known)
        study = self._studies.study_of(prepared)
        if not study.is_of_patient(prepared):
            return self._hold_aside(prepared, Aside.OTHER_PATIENT, _of_another(prepared))
        series_row = self._studies.series_of(study, prepared)
        study.add(prepared, series_row)
        self._rows.append(_instance_row(prepared, series_row))
        uid = prepared.header.series_instance_uid
        self._known[_identity(prepared)] = _Known(prepared.blob.sha256, prepared.place, uid)
        return prepared.receipt(Outcome.STORED)

    @property
    def noted(self) -> list[int]:
        """The rows of the studies of which a rejection note names something."""
        return self._studies.noted

    def write(self) -> None:
        """The rows of those that are new."""
        if self._rows:
            _INSERT.run_many(self._connection, self._rows)
        self._studies.write()

    def _take_again(self, prepared: Prepared, known: _Known) -> Receipt:
        if known.sha256 == prepared.blob.sha256:
            return prepared.receipt(Outcome.DUPLICATE, place=known.place)
        if known.series_instance_uid != prepared.header.series_instance_uid:
            detail = "this (0008,0018) SOPInstanceUID is known in another series"
            return self._hold_aside(prepared, Aside.OTHER_SERIES, detail)
        detail = "this (0008,0018) SOPInstanceUID is known with other content"
        return self._hold_aside(prepared, Aside.OTHER_CONTENT, detail)

    def _hold_aside(self, prepared: Prepared, kind: Aside, detail: str) -> Receipt:
        key = {"site": prepared.sender.site, "sha256": prepared.blob.sha256}
        self._database.insert_ignoring(
            self._connection,
            held_aside,
            **key,
            kind=kind.value,
            study_instance_uid=prepared.header.study_instance_uid,
            series_instance_uid=prepared.header.series_instance_uid,
            sop_instance_uid=prepared.header.sop_instance_uid,
            blob_key=prepared.blob_key,
            blob_offset=prepared.blob_offset,
            length=prepared.length,
            sender=prepared.blob.sender,
            detail=detail,
            received_at=prepared.blob.received_at,
        )
        held = self._connection.execute(
            select(held_aside.c.blob_key, held_aside.c.blob_offset).filter_by(**key)
        ).one()
        return prepared.receipt(Outcome.HELD_ASIDE, detail, place=(held[0], held[1]), aside=kind)


def _of_another(prepared: Prepared) -> str:
    if prepared.header.patient_id:
        return "this study is known under another (0010,0020) PatientID"
    return "this study is known of another patient, and (0010,0020) PatientID is empty"


def _identity(prepared: Prepared) -> tuple[str, str]:
    return prepared.sender.site, prepared.header.sop_instance_uid


def _find_known(connection: Connection, batch: Sequence[Prepared]) -> _Index:
    sought = {
        "sites": list({prepared.sender.site for prepared in batch}),
        "uids": list({prepared.header.sop_instance_uid for prepared in batch}),
    }
    return {
        (row.site, row.sop_instance_uid): _Known(
            row.sha256, (row.blob_key, row.blob_offset), row.series_instance_uid
        )
        for row in _KNOWN.run(connection, sought)
    }


def _instance_row(prepared: Prepared, held: HeldSeries) -> dict[str, Any]:
    header = prepared.header
    return {
        "series": held.row,
        "site": prepared.sender.site,
        "sop_instance_uid": header.sop_instance_uid,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": header.instance_number,
        "rows": header.rows,
        "columns": header.columns,
        "number_of_frames": header.number_of_frames,
        "blob_key": prepared.blob_key,
        "blob_offset": prepared.blob_offset,
        "length": prepared.length,
        "dataset_offset": prepared.dataset_offset,
        "sha256": prepared.blob.sha256,
        "layout": prepared.header.packed_layout,
        "header": prepared.header.packed,
        "header_length": header.header_length,
        "charset": "\\".join(header.charset_terms),
        "origin": prepared.blob.origin,
        "sender": prepared.blob.sender,
        "received_at": prepared.blob.received_at,
        "rejection": None,
    }

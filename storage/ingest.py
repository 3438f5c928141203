"""The one door: every instance comes in here, whatever wire brought it.

    prepare   read the header, hash                   nothing is kept yet
    keep      bytes to the blob store                 durable, unreferenced, invisible
    record    rows, in the caller's transaction       visible when it commits

A crash between `keep` and `record` leaves an unreferenced blob, nothing else. Success may be answered once the
transaction with `record` has committed, and not before. Nothing is ever overwritten: other bytes under a known
identity are held aside, and the hospital's technician sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage.archive import Archive
from storage.database import Database
from storage.errors import Invalid
from storage.header import Header, read_header
from storage.identity import MAX_UID_LENGTH
from storage.json_model import JsonModel, pack_json
from storage.name_search import keep_name_words, name_words
from storage.part10 import file_header, inspect_file, is_directory
from storage.spool import Spool
from storage.structure import Buffer
from storage.tables import change, held_aside, instance, patient, series, study

_PIECE = 1 << 20
_PLACE = (instance.c.blob_key, instance.c.blob_offset, instance.c.length)

PATIENT_AND_STUDY_TAGS = (
    *(
        "00080005",
        "00080020",
        "00080030",
        "00080050",
        "00080051",
        "00080090",
        "00080201",
        "00081030",
        "00081032",
    ),
    *("00100010", "00100020", "00100021", "00100030", "00100040", "00101010", "0020000D", "00200010"),
)
SERIES_TAGS = (
    *(
        "00080021",
        "00080031",
        "00080060",
        "00080070",
        "00080080",
        "0008103E",
        "00081090",
        "00180015",
        "00185100",
    ),
    *("0020000E", "00200011", "00200052", "00200060", "00400244", "00400245", "00400275"),
)


class Outcome(StrEnum):
    """What became of an instance. All three mean: it is safe with us."""

    STORED = "STORED"
    DUPLICATE = "DUPLICATE"
    HELD_ASIDE = "HELD_ASIDE"


class Aside(StrEnum):
    """Why an instance was held aside."""

    OTHER_CONTENT = "OTHER_CONTENT"
    OTHER_PATIENT = "OTHER_PATIENT"
    OTHER_SERIES = "OTHER_SERIES"


@dataclass(frozen=True)
class Sender:
    """Where an instance came from: `site` is whose it is, `name` an AE title, a user, or a command."""

    site: str
    name: str
    charset: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Claim:
    """What the wire says of an instance before its data set is read: of C-STORE the affected SOP class and instance and
    the transfer syntax of the presentation context. Padding of the UIDs (PS3.5 9.1) is tolerated."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def head(self) -> bytes:
        """What the wire must write into the spool before the data set: our own file head, in its canonical form."""
        return file_header(
            _plain_uid(self.sop_class_uid), _plain_uid(self.sop_instance_uid), self.transfer_syntax_uid
        )


def _plain_uid(uid: str) -> str:
    return uid.strip(" \0")[:MAX_UID_LENGTH]


@dataclass(frozen=True)
class Receipt:
    """What `ingest` did, for the answer on the wire."""

    outcome: Outcome
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    detail: str = ""


@dataclass(frozen=True)
class Prepared:
    """An instance that was read and hashed and not yet kept."""

    header: Header
    sender: Sender
    file_head: bytes
    dataset: Buffer
    sha256: str

    @property
    def blob_key(self) -> str:
        """By content, below the site: the same bytes again are the same blob, and the key tells whose it is."""
        return f"{self.sender.site}/instances/{self.sha256[:2]}/{self.sha256}.dcm"

    @property
    def length(self) -> int:
        """Bytes of the file we keep."""
        return len(self.file_head) + len(self.dataset)

    def chunks(self) -> Iterator[bytes]:
        """The file we keep: our head, their data set."""
        yield self.file_head
        for start in range(0, len(self.dataset), _PIECE):
            yield bytes(self.dataset[start : start + _PIECE])


def ingest_file(archive: Archive, buffer: Buffer, sender: Sender) -> Receipt:
    """Take a file in whatever form it has. Raises `Invalid` for what is no DICOM instance."""
    if is_directory(buffer):
        raise Invalid("this is a DICOMDIR, a list of files; import the folder it lies in")
    info = inspect_file(buffer)
    return ingest(archive, memoryview(buffer)[info.dataset_offset :], info.transfer_syntax_uid, sender)


def ingest(archive: Archive, dataset: Buffer, transfer_syntax_uid: str, sender: Sender) -> Receipt:
    """Take one encoded data set in; durable when this returns.

    Raises `Invalid` for a data set that cannot be identified or is truncated, `Unavailable` if it cannot be kept
    now. In both cases nothing of it is visible.
    """
    prepared = prepare(dataset, transfer_syntax_uid, sender)
    known = _known_place(archive.database, prepared)
    if known is not None and archive.blobs.holds(known.blob_key, known.blob_offset + known.length):
        return _receipt(prepared, Outcome.DUPLICATE)
    keep(archive, prepared)  # also where the index knows it and the bytes are gone: the sender has them still
    with archive.database.write() as connection:
        return record(archive.database, connection, prepared)


def ingest_spooled(archive: Archive, spool: Spool, claim: Claim, sender: Sender) -> Receipt:
    """Take in what a wire has spooled: `claim.head`, then the data set as it came. Durable when this returns.

    Raises `Invalid` ``SOP_CLASS_MISMATCH`` if the data set names another SOP class or instance than the claim (PS3.4
    B.2.3), and what `ingest` raises. The spool stays open; closing it is the caller's.
    """
    head = claim.head
    with spool.view() as view:
        header = read_header(view, len(head), claim.transfer_syntax_uid, sender.charset)
        for found, claimed, name in (
            (header.sop_class_uid, claim.sop_class_uid, "(0008,0016) SOPClassUID"),
            (header.sop_instance_uid, claim.sop_instance_uid, "(0008,0018) SOPInstanceUID"),
        ):
            if found != _plain_uid(claimed):
                raise Invalid(f"{name} is not that of the command", code="SOP_CLASS_MISMATCH")
        return ingest(archive, view[len(head) :], claim.transfer_syntax_uid, sender)


def prepare(dataset: Buffer, transfer_syntax_uid: str, sender: Sender) -> Prepared:
    """Read the header and hash the file as it will be kept."""
    header = read_header(dataset, 0, transfer_syntax_uid, sender.charset)
    head = file_header(header.sop_class_uid, header.sop_instance_uid, transfer_syntax_uid)
    digest = hashlib.sha256(head)
    digest.update(dataset)
    return Prepared(header, sender, head, dataset, digest.hexdigest())


def keep(archive: Archive, prepared: Prepared) -> None:
    """Bytes to the blob store; durable when this returns."""
    archive.blobs.put(prepared.blob_key, prepared.chunks())


def record(
    database: Database, connection: Connection, prepared: Prepared, *, origin: str = "received"
) -> Receipt:
    """Rows for an instance whose bytes are kept. `origin` ``report`` marks our own documents, which are no news
    to read: they leave the study's epoch alone."""
    known = _known_instance(connection, prepared)
    if known is not None:
        return _record_again(database, connection, prepared, known)
    now = datetime.now(UTC)
    study_row = _study_row(database, connection, prepared, now)
    if (study_row.issuer, study_row.patient_id) != (_issuer(prepared), prepared.header.patient_id):
        detail = "this study is known under another (0010,0020) PatientID"
        return _hold_aside(database, connection, prepared, Aside.OTHER_PATIENT, detail)
    series_row = _series_row(database, connection, prepared, study_row.id)
    _insert_instance(connection, prepared, series_row, origin, now)
    _count(connection, prepared, study_row, series_row, origin, now)
    return _receipt(prepared, Outcome.STORED)


def _receipt(prepared: Prepared, outcome: Outcome, detail: str = "") -> Receipt:
    header = prepared.header
    return Receipt(
        outcome,
        header.study_instance_uid,
        header.series_instance_uid,
        header.sop_instance_uid,
        header.sop_class_uid,
        header.transfer_syntax_uid,
        detail,
    )


def _known_place(database: Database, prepared: Prepared) -> Any:
    """Where these very bytes lie, None if they are not known."""
    with database.read() as connection:
        known = _known_instance(connection, prepared)
    return known if known is not None and known.sha256 == prepared.sha256 else None


def _known_instance(connection: Connection, prepared: Prepared) -> Any:
    return connection.execute(
        select(instance.c.sha256, *_PLACE, series.c.series_instance_uid)
        .join(series, series.c.id == instance.c.series)
        .where(
            instance.c.site == prepared.sender.site,
            instance.c.sop_instance_uid == prepared.header.sop_instance_uid,
        )
    ).one_or_none()


def _record_again(database: Database, connection: Connection, prepared: Prepared, known: Any) -> Receipt:
    if known.sha256 == prepared.sha256:
        return _receipt(prepared, Outcome.DUPLICATE)
    if known.series_instance_uid != prepared.header.series_instance_uid:
        detail = "this (0008,0018) SOPInstanceUID is known in another series"
        return _hold_aside(database, connection, prepared, Aside.OTHER_SERIES, detail)
    detail = "this (0008,0018) SOPInstanceUID is known with other content"
    return _hold_aside(database, connection, prepared, Aside.OTHER_CONTENT, detail)


def _hold_aside(
    database: Database, connection: Connection, prepared: Prepared, kind: Aside, detail: str
) -> Receipt:
    database.insert_ignoring(
        connection,
        held_aside,
        site=prepared.sender.site,
        kind=kind.value,
        study_instance_uid=prepared.header.study_instance_uid,
        series_instance_uid=prepared.header.series_instance_uid,
        sop_instance_uid=prepared.header.sop_instance_uid,
        blob_key=prepared.blob_key,
        length=prepared.length,
        sha256=prepared.sha256,
        sender=prepared.sender.name,
        detail=detail,
        received_at=datetime.now(UTC),
    )
    return _receipt(prepared, Outcome.HELD_ASIDE, detail)


def _issuer(prepared: Prepared) -> str:
    """Who gave the PatientID its meaning: the data set says, or we know of the sender."""
    return prepared.header.issuer_of_patient_id or prepared.sender.issuer


def _study_row(database: Database, connection: Connection, prepared: Prepared, now: datetime) -> Any:
    """The study with its patient's key beside it, locked; it is made if it is new."""
    query = (
        select(study, patient.c.issuer, patient.c.patient_id)
        .join(patient, patient.c.id == study.c.patient)
        .where(
            study.c.site == prepared.sender.site,
            study.c.study_instance_uid == prepared.header.study_instance_uid,
        )
        .with_for_update(of=study)
    )
    known = connection.execute(query).one_or_none()
    if known is not None:
        return known
    _insert_study(database, connection, prepared, _patient_row(database, connection, prepared), now)
    return connection.execute(query).one()


def _patient_row(database: Database, connection: Connection, prepared: Prepared) -> int:
    """The patient as this study describes one. The same ID under another name is another row."""
    header = prepared.header
    key = {
        "site": prepared.sender.site,
        "issuer": _issuer(prepared),
        "patient_id": header.patient_id,
        "patient_name": str(header.patient_name),
        "patient_birth_date": header.patient_birth_date,
        "patient_sex": header.patient_sex,
    }
    words = name_words(key["patient_name"])
    is_new = database.insert_ignoring(
        connection, patient, **key, name_search=" ".join(words), charset_suspect=header.charset_suspect
    )
    row: int = connection.execute(select(patient.c.id).filter_by(**key)).scalar_one()
    if is_new:
        keep_name_words(connection, key["site"], row, words)
    return row


def _insert_study(
    database: Database, connection: Connection, prepared: Prepared, patient_row: int, now: datetime
) -> None:
    header = prepared.header
    database.insert_ignoring(
        connection,
        study,
        site=prepared.sender.site,
        patient=patient_row,
        study_instance_uid=header.study_instance_uid,
        study_date=header.study_date,
        study_time=header.study_time,
        accession_number=header.accession_number,
        study_id=header.study_id,
        study_description=header.study_description,
        referring_physician_name=header.referring_physician_name,
        modalities_in_study="",
        number_of_study_related_series=0,
        number_of_study_related_instances=0,
        received_series=0,
        received_instances=0,
        received_modalities="",
        epoch=0,
        attributes=_pick(header.json, PATIENT_AND_STUDY_TAGS),
        first_received_at=now,
        last_received_at=now,
    )


def _series_row(database: Database, connection: Connection, prepared: Prepared, study_row: int) -> int:
    header = prepared.header
    database.insert_ignoring(
        connection,
        series,
        study=study_row,
        series_instance_uid=header.series_instance_uid,
        modality=header.modality,
        series_number=header.series_number,
        series_description=header.series_description,
        body_part_examined=header.body_part_examined,
        number_of_series_related_instances=0,
        attributes=_pick(header.json, SERIES_TAGS),
    )
    key = {"study": study_row, "series_instance_uid": header.series_instance_uid}
    row: int = connection.execute(select(series.c.id).filter_by(**key)).scalar_one()
    return row


def _insert_instance(
    connection: Connection, prepared: Prepared, series_row: int, origin: str, now: datetime
) -> None:
    header = prepared.header
    connection.execute(
        insert(instance).values(
            series=series_row,
            site=prepared.sender.site,
            sop_instance_uid=header.sop_instance_uid,
            sop_class_uid=header.sop_class_uid,
            transfer_syntax_uid=header.transfer_syntax_uid,
            instance_number=header.instance_number,
            rows=header.rows,
            columns=header.columns,
            number_of_frames=header.number_of_frames,
            blob_key=prepared.blob_key,
            blob_offset=0,
            length=prepared.length,
            dataset_offset=len(prepared.file_head),
            sha256=prepared.sha256,
            layout=header.layout.to_bytes() if header.layout else None,
            header=pack_json(header.json),
            origin=origin,
            sender=prepared.sender.name,
            received_at=now,
        )
    )


def _count(
    connection: Connection,
    prepared: Prepared,
    study_row: Any,
    series_row: int,
    origin: str,
    now: datetime,
) -> None:
    """Counts, modalities and epoch follow the rows in the same transaction, and the change is announced."""
    connection.execute(
        update(series)
        .where(series.c.id == series_row)
        .values(number_of_series_related_instances=series.c.number_of_series_related_instances + 1)
    )
    new_series = (
        connection.execute(
            select(series.c.number_of_series_related_instances).where(series.c.id == series_row)
        ).scalar_one()
        == 1
    )
    is_news = origin == "received"
    modality = prepared.header.modality
    values: dict[str, Any] = {
        "modalities_in_study": _with_modality(study_row.modalities_in_study, modality),
        "number_of_study_related_series": study_row.number_of_study_related_series + new_series,
        "number_of_study_related_instances": study_row.number_of_study_related_instances + 1,
    }
    if is_news:
        values |= {
            "received_modalities": _with_modality(study_row.received_modalities, modality),
            "received_series": study_row.received_series + new_series,
            "received_instances": study_row.received_instances + 1,
            "epoch": study_row.epoch + 1,
            "last_received_at": now,
        }
    connection.execute(update(study).where(study.c.id == study_row.id).values(**values))
    connection.execute(
        insert(change).values(
            kind="instance" if is_news else "report",
            study=study_row.id,
            site=prepared.sender.site,
            study_instance_uid=prepared.header.study_instance_uid,
            epoch=study_row.epoch + is_news,
            instance_count=study_row.received_instances + is_news,
            at=now,
        )
    )


def _with_modality(modalities: str, modality: str) -> str:
    known = [part for part in modalities.split("\\") if part]
    return "\\".join(known if modality in known else [*known, modality])


def _pick(model: JsonModel, tags: tuple[str, ...]) -> JsonModel:
    return {tag: model[tag] for tag in tags if tag in model}

"""A hard set of instances for the tests of sweeping, verifying and rebuilding, and what an index says of them."""

from __future__ import annotations

from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from sqlalchemy import delete, select

from storage.archive import Archive
from storage.arrival import Arrival, keep_arrivals
from storage.header import read_header
from storage.ingest import Receipt, Sender, ingest_file, keep_document, prepare, record, record_batch
from storage.part10 import file_header, inspect_file
from storage.sites import all_nodes
from storage.tables import (
    change,
    cursor,
    held_aside,
    instance,
    metadata,
    node,
    patient,
    patient_word,
    series,
    site,
    study,
)

INDEX = (change, instance, held_aside, series, study, patient_word, patient)
"""The tables that are made again, in an order in which they can be emptied."""


def sender(archive: Archive, site_code: str) -> Sender:
    """The site's own node, as the DICOM node would have it."""
    with archive.database.read() as connection:
        (found, *_) = [one for one in all_nodes(connection) if one.site == site_code]
    return Sender(site_code, found.ae_title, found.charset, found.issuer)


def file_bytes(name: str = "CT_small.dcm") -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


def changed(**values: object) -> bytes:
    """CT_small with other values, as a file."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return encoded(dataset)


def encoded(dataset: Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def ct(archive: Archive, site_code: str = "KASHI", **values: object) -> Receipt:
    """One more CT image, taken in."""
    fresh = {"SOPInstanceUID": generate_uid(), **values}
    return ingest_file(archive, changed(**fresh), sender(archive, site_code))


def take_together(archive: Archive, files: list[bytes], site_code: str = "KASHI") -> list[Receipt]:
    """Files that came at once, as one group commit takes them in: in one pack if they are small."""
    come_from = sender(archive, site_code)
    with ExitStack() as spools:
        arrivals = []
        for data in files:
            info = inspect_file(data)
            header = read_header(data[info.dataset_offset :], 0, info.transfer_syntax_uid, come_from.charset)
            head = file_header(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid)
            spool = spools.enter_context(archive.spool())
            spool.write(head)
            spool.write(data[info.dataset_offset :])
            arrivals.append(Arrival(prepare(header, spool, len(head), come_from), spool))
        kept = keep_arrivals(archive.blobs, archive.spool, arrivals)
    archive.blobs.settle({one.blob_key for one in kept})
    with archive.database.write() as connection:
        return record_batch(archive.database, connection, kept)


def gbk_without_charset() -> bytes:
    """A name in GBK with no word of it: readable only for who knows the sender."""
    values: dict[str, object] = {"SOPInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
    data = changed(**values, SeriesInstanceUID=generate_uid(), PatientID="GBK", PatientName="XXXXXXXX")
    assert b"XXXXXXXX" in data
    return data.replace(b"XXXXXXXX", "热孜宛古".encode("gbk"))


def document(archive: Archive, study_uid: str, **values: object) -> Receipt:
    """A document of ours in a study, as signing makes it."""
    fresh: dict[str, object] = {"SOPInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    data = changed(**{**fresh, "StudyInstanceUID": study_uid, "Modality": "SR", **values})
    info = inspect_file(data)
    own = Sender("KASHI", "FARLIGHT", issuer="KASHI")
    prepared = keep_document(archive, data[info.dataset_offset :], info.transfer_syntax_uid, own)
    with archive.database.write() as connection:
        return record(archive.database, connection, prepared)


def take_hard_set(archive: Archive) -> None:
    """Duplicates, contradictions of every kind, documents, every encoding, two hospitals with the same study."""
    for name in (
        "JPEG2000.dcm",
        "SC_rgb_rle_2frame.dcm",
        "image_dfl.dcm",
        "MR_small_bigendian.dcm",
        "liver.dcm",
    ):
        ingest_file(archive, file_bytes(name), sender(archive, "KASHI"))
    first = ingest_file(archive, file_bytes(), sender(archive, "KASHI"))
    ingest_file(archive, file_bytes(), sender(archive, "AKSU"))
    ingest_file(archive, file_bytes(), sender(archive, "KASHI"))
    ingest_file(archive, changed(PatientComments="other content"), sender(archive, "KASHI"))
    ingest_file(archive, changed(SeriesInstanceUID=generate_uid()), sender(archive, "KASHI"))
    ct(archive, PatientID="somebody else")
    for name in ("Aman^Gul", "Bahar^Gul", "Aman^Gul"):
        ct(archive, PatientID="", PatientName=name, StudyInstanceUID="1.2.4")
    document(archive, "1.2.4", PatientID="", PatientName="As^We^Have^It")
    document(archive, first.study_instance_uid)
    for number in range(3):
        ct(archive, InstanceNumber=number)
    ct(archive, SeriesInstanceUID=generate_uid(), Modality="MR", PatientName="Another^Spelling")
    document(archive, first.study_instance_uid)
    ingest_file(archive, gbk_without_charset(), sender(archive, "KASHI"))
    ingest_file(archive, file_bytes("MR_small.dcm"), Sender("HOTAN", "import:somebody", "GB18030", "HOTAN"))


def index_of(archive: Archive) -> dict[str, list[dict[str, Any]]]:
    """All that the index says, row numbers replaced by what they stand for, in an order that does not depend on them.

    Of the feed only the last word on each study: what came at once is announced at once.
    """
    with archive.database.read() as connection:
        rows = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in (*INDEX, site, node)
        }
    return _by_content(rows)


def _by_content(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    described = ("site", "issuer", "patient_id", "patient_name", "patient_birth_date", "patient_sex")
    patients = {row["id"]: tuple(row[name] for name in described) for row in rows["patient"]}
    studies = {row["id"]: (row["site"], row["study_instance_uid"]) for row in rows["study"]}
    parts = {row["id"]: (studies[row["study"]], row["series_instance_uid"]) for row in rows["series"]}
    last = {row["study"]: row for row in sorted(rows["change"], key=lambda row: row["epoch"])}
    rows["change"] = [{**row, "kind": "", "at": None} for row in last.values()]
    numbers = {"patient": patients, "study": studies, "series": parts}
    for table, found in rows.items():
        for row in found:
            row.pop("id", None)
            row.update({name: numbers[name][row[name]] for name in numbers if name in row})
        found.sort(key=repr)
        rows[table] = found
    return rows


def lose_index(archive: Archive, *, sites: bool = True) -> None:
    """As after a lost database: nothing is known, not even the hospitals if `sites`."""
    with archive.database.write() as connection:
        for table in (*reversed(metadata.sorted_tables),) if sites else (*INDEX, cursor):
            connection.execute(delete(table))


def differing(one: dict[str, list[dict[str, Any]]], other: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Where two indexes differ, short enough to be read in a test's failure."""
    found = []
    for table, rows in one.items():
        if len(rows) != len(other[table]):
            found.append(f"{table}: {len(rows)} and {len(other[table])} rows")
            continue
        for left, right in zip(rows, other[table], strict=True):
            found += [
                f"{table}.{name}: {str(left[name])[:80]} and {str(right[name])[:80]}"
                for name in left
                if left[name] != right[name]
            ]
    return found

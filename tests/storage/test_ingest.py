"""The one door: what is taken, what is held aside, what is refused, and that nothing is half-made."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.blobs import FolderBlobs
from storage.errors import Corrupt, Invalid, NotFound, Unavailable
from storage.ingest import (
    Outcome,
    Sender,
    ingest_file,
)
from storage.retrieve import instances, read_dataset_bytes, read_file, read_frame
from storage.tables import change, held_aside, instance, patient, series, study

KASHI, AKSU = Sender("KASHI", "TEST", issuer="KASHI"), Sender("AKSU", "TEST", issuer="AKSU")


def file_bytes(name: str = "CT_small.dcm") -> bytes:
    return Path(str(get_testdata_file(name))).read_bytes()


def changed(tmp_path: Path, **values: object) -> bytes:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    dataset.save_as(tmp_path / "changed.dcm")
    return (tmp_path / "changed.dcm").read_bytes()


def count(archive: Archive, table: object) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def blob_keys(archive: Archive) -> list[str]:
    return [info.key for info in archive.blobs.list("KASHI/")]


def test_the_data_set_is_kept_bit_for_bit(archive: Archive) -> None:
    sent = file_bytes()
    ingest_file(archive, sent, KASHI)
    with archive.database.read() as connection:
        (found,) = instances(connection)
    start = sent.index(dcmread(str(get_testdata_file("CT_small.dcm"))).PixelData)
    kept = read_dataset_bytes(archive, found)
    assert sent.endswith(kept)
    assert len(kept) > len(sent) - start
    frame = read_frame(archive, found, 1)
    assert frame is not None
    assert frame.data == dcmread(str(get_testdata_file("CT_small.dcm"))).PixelData


def test_the_same_again_is_a_success_and_nothing_new(archive: Archive) -> None:
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.STORED
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.DUPLICATE
    assert (count(archive, instance), count(archive, held_aside), count(archive, change)) == (1, 0, 1)


def test_the_road_an_instance_came_by_makes_no_difference(archive: Archive, tmp_path: Path) -> None:
    """Other file meta information, the same data set: the same instance."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.file_meta.SourceApplicationEntityTitle = "SOMEWHERE"
    dataset.save_as(tmp_path / "other_meta.dcm")
    ingest_file(archive, file_bytes(), KASHI)
    again = ingest_file(archive, (tmp_path / "other_meta.dcm").read_bytes(), KASHI)
    assert again.outcome is Outcome.DUPLICATE


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"PatientComments": "changed"}, "OTHER_CONTENT"),
        ({"SeriesInstanceUID": generate_uid()}, "OTHER_SERIES"),
        ({"PatientID": "somebody else", "SOPInstanceUID": generate_uid()}, "OTHER_PATIENT"),
    ],
)
def test_what_contradicts_is_kept_aside(
    archive: Archive, tmp_path: Path, values: dict[str, object], kind: str
) -> None:
    ingest_file(archive, file_bytes(), KASHI)
    receipt = ingest_file(archive, changed(tmp_path, **values), KASHI)
    assert receipt.outcome is Outcome.HELD_ASIDE
    with archive.database.read() as connection:
        aside = connection.execute(select(held_aside)).one()
    assert aside.kind == kind
    assert len(archive.blobs.read(aside.blob_key)) == aside.length, "both are kept"
    assert count(archive, instance) == 1


@pytest.mark.parametrize("of", ["PatientName", "PatientBirthDate"])
def test_without_an_id_name_and_birth_date_say_whose_study_it_is(
    archive: Archive, tmp_path: Path, of: str
) -> None:
    """Devices without a worklist leave the ID empty, and some repeat their study's UID."""
    one = {"PatientID": "", "PatientName": "Aman^Gul", "PatientBirthDate": "19700101"}
    for _ in range(2):
        more = changed(tmp_path, **one, SOPInstanceUID=generate_uid())
        assert ingest_file(archive, more, KASHI).outcome is Outcome.STORED
    other = changed(
        tmp_path, **{**one, of: {"PatientName": "Bahar^Gul"}.get(of, "19800202")}, SOPInstanceUID="1.9"
    )
    receipt = ingest_file(archive, other, KASHI)
    assert (receipt.outcome, receipt.aside) == (Outcome.HELD_ASIDE, "OTHER_PATIENT")
    assert count(archive, instance) == 2


def test_two_hospitals_share_no_patient_and_no_study(archive: Archive) -> None:
    for sender in (KASHI, AKSU):
        assert ingest_file(archive, file_bytes(), sender).outcome is Outcome.STORED
    assert (count(archive, patient), count(archive, study), count(archive, instance)) == (2, 2, 2)


def test_counts_and_epoch_follow(archive: Archive, tmp_path: Path) -> None:
    for series_uid in (generate_uid(), generate_uid()):
        for _ in range(2):
            ingest_file(
                archive, changed(tmp_path, SOPInstanceUID=generate_uid(), SeriesInstanceUID=series_uid), KASHI
            )
    with archive.database.read() as connection:
        row = connection.execute(select(study)).one()
        counts = connection.execute(select(series.c.number_of_series_related_instances)).scalars().all()
    assert (row.number_of_study_related_series, row.number_of_study_related_instances, row.epoch) == (2, 4, 4)
    assert list(counts) == [2, 2]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (b"", "not a DICOM file"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 500, "not a DICOM file"),
        (file_bytes()[:8000], r"announces .* bytes, but only .* follow"),
        (file_bytes("MR_truncated.dcm"), r"\(7FE0,0010\) PixelData announces 8192 bytes"),
        (file_bytes("rtplan_truncated.dcm"), r"\(300A,00B0\) BeamSequence announces"),
        (file_bytes("DICOMDIR"), "DICOMDIR"),
    ],
)
def test_what_is_broken_is_named_and_leaves_nothing(archive: Archive, broken: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        ingest_file(archive, broken, KASHI)
    assert list(archive.blobs.list()) == []
    assert (count(archive, instance), count(archive, patient)) == (0, 0)


@pytest.mark.parametrize(
    "keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
)
@pytest.mark.parametrize("value", ["", "not.a.uid", "1." * 40])
def test_an_identifier_that_is_missing_or_malformed_is_named(
    archive: Archive, tmp_path: Path, keyword: str, value: str
) -> None:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset[keyword]._value = value
    dataset.save_as(tmp_path / "bad.dcm")
    with pytest.raises(Invalid, match=keyword):
        ingest_file(archive, (tmp_path / "bad.dcm").read_bytes(), KASHI)


def test_nesting_without_end_is_refused(archive: Archive, tmp_path: Path) -> None:
    inner = Dataset()
    for _ in range(100):
        outer = Dataset()
        outer.ReferencedStudySequence = [inner]
        inner = outer
    broken = changed(tmp_path, RequestAttributesSequence=[inner])
    with pytest.raises(Invalid, match="nested deeper than 64"):
        ingest_file(archive, broken, KASHI)


def test_every_readable_test_file_is_taken_and_given_back(archive: Archive) -> None:
    names = ("JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "image_dfl.dcm", "MR_small_bigendian.dcm", "liver.dcm")
    taken = [(file_bytes(name), ingest_file(archive, file_bytes(name), KASHI)) for name in names]
    with archive.database.read() as connection:
        found = {one.sop_instance_uid: one for one in instances(connection)}
    for sent, receipt in taken:
        one = found[receipt.sop_instance_uid]
        back = read_file(archive, one)
        assert back[one.dataset_offset :] == sent[-(len(back) - one.dataset_offset) :]


def test_a_full_disk_refuses_before_it_is_too_late(archive: Archive, tmp_path: Path) -> None:
    full = Archive(archive.database, FolderBlobs(tmp_path / "full", reserve=1 << 60), archive.incoming)
    with pytest.raises(Unavailable, match="nearly full"):
        ingest_file(full, file_bytes(), KASHI)
    assert count(archive, instance) == 0
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.STORED


def test_a_blob_that_shrank_is_corrupt_not_empty(archive: Archive) -> None:
    ingest_file(archive, file_bytes(), KASHI)
    with archive.database.read() as connection:
        (found,) = instances(connection)
    archive.blobs.put(found.blob_key, [archive.blobs.read(found.blob_key)[:500]])
    with pytest.raises(Corrupt):
        read_file(archive, found)


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../../b"])
def test_a_blob_key_stays_in_its_folder(archive: Archive, key: str) -> None:
    with pytest.raises(Invalid):
        archive.blobs.put(key, [b"x"])
    with pytest.raises((Invalid, NotFound)):
        archive.blobs.read(key)


def test_each_study_keeps_what_it_says_of_its_patient(archive: Archive, tmp_path: Path) -> None:
    """The same PatientID under two names: neither study borrows the other's name."""
    for name, born in (("Wang^Li", "19700101"), ("Zhao^Min", "19990909")):
        values = {"PatientID": "1001", "PatientName": name, "PatientBirthDate": born}
        uids = {"StudyInstanceUID": generate_uid(), "SOPInstanceUID": generate_uid()}
        assert ingest_file(archive, changed(tmp_path, **values, **uids), KASHI).outcome is Outcome.STORED
    query = select(patient.c.patient_name, patient.c.patient_birth_date).join(study).order_by(study.c.id)
    with archive.database.read() as connection:
        described = [tuple(row) for row in connection.execute(query)]
    assert described == [("Wang^Li", "19700101"), ("Zhao^Min", "19990909")]


def test_within_a_study_the_id_decides_not_the_spelling(archive: Archive, tmp_path: Path) -> None:
    ingest_file(archive, changed(tmp_path, SOPInstanceUID=generate_uid(), PatientName="WANG^LI"), KASHI)
    again = ingest_file(
        archive, changed(tmp_path, SOPInstanceUID=generate_uid(), PatientName="Wang^Li"), KASHI
    )
    assert again.outcome is Outcome.STORED


@pytest.mark.parametrize("value", ["²²²²²²²²", "20261399", "0000", "tomorrow"])
def test_a_date_that_is_none_is_absent(archive: Archive, tmp_path: Path, value: str) -> None:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset["PatientBirthDate"]._value = value
    dataset.save_as(tmp_path / "dated.dcm")
    ingest_file(archive, (tmp_path / "dated.dcm").read_bytes(), KASHI)
    with archive.database.read() as connection:
        assert connection.execute(select(patient.c.patient_birth_date)).scalar_one() == ""


def test_sending_again_heals_a_lost_blob(archive: Archive) -> None:
    ingest_file(archive, file_bytes(), KASHI)
    with archive.database.read() as connection:
        (found,) = instances(connection)
    whole = read_file(archive, found)
    archive.blobs.delete(found.blob_key)
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.DUPLICATE
    assert read_file(archive, found) == whole
    archive.blobs.put(found.blob_key, [whole[:-1]])
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.DUPLICATE
    assert read_file(archive, found) == whole
    assert blob_keys(archive) == [found.blob_key]


def test_the_key_of_a_blob_tells_what_the_row_tells(archive: Archive) -> None:
    ingest_file(archive, file_bytes(), Sender("KASHI", "CT ONE"))
    with archive.database.read() as connection:
        row = connection.execute(select(instance)).one()
    name = BlobName.parse(row.blob_key)
    assert (name.site, name.origin, name.sender) == (row.site, row.origin, row.sender)
    assert (name.sha256, name.received_at) == (row.sha256, row.received_at)
    assert name.sender == "CT ONE"
    assert hashlib.sha256(archive.blobs.read(row.blob_key)).hexdigest() == name.sha256


def test_what_is_known_is_not_kept_twice(archive: Archive, tmp_path: Path) -> None:
    large = changed(tmp_path, SOPInstanceUID="1.2.3.4", PixelData=os.urandom(9 << 20))
    contradicting = changed(tmp_path, PatientComments="changed")
    for _ in range(3):
        for data in (file_bytes(), large, contradicting):
            ingest_file(archive, data, KASHI)
    assert len(blob_keys(archive)) == 3
    assert (count(archive, instance), count(archive, held_aside)) == (2, 1)

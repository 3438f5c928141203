"""Old devices write more than the standard allows, and pad with what is no text. No database refuses it."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from sqlalchemy import select

from storage.archive import Archive
from storage.ingest import Outcome, Sender, ingest_file
from storage.retrieve import instances
from storage.tables import instance, patient, series, study

KEYWORDS = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientSex", "PatientBirthDate", "AccessionNumber"),
    *("StudyID", "StudyDescription", "StudyDate", "StudyTime", "ReferringPhysicianName", "Modality"),
    *("SeriesDescription", "BodyPartExamined", "InstitutionName", "ImageComments"),
)


def as_file(dataset: Dataset) -> bytes:
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("value", ["X" * 900, "A\0B\0", "王" * 300], ids=["long", "padded", "hanzi"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_device_writes_is_taken(archive: Archive, keyword: str, value: str) -> None:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.add_new(keyword, "UT", value)
    receipt = ingest_file(archive, as_file(dataset), Sender("KASHI", "KASHI_PACS"))
    assert receipt.outcome is Outcome.STORED


def test_numbers_beyond_all_bounds_are_taken(archive: Archive) -> None:
    for keyword in ("InstanceNumber", "SeriesNumber"):
        dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
        dataset.add_new(keyword, "UT", "99999999999999999999")
        assert ingest_file(archive, as_file(dataset), Sender("KASHI", "A")).outcome is Outcome.STORED
    with archive.database.read() as connection:
        assert None in connection.execute(select(instance.c.instance_number)).scalars().all()


def test_a_sender_has_any_name(archive: Archive) -> None:
    name = "a name of somebody " * 3 + "王小明" * 20
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    ingest_file(archive, as_file(dataset), Sender("KASHI", name))
    with archive.database.read() as connection:
        (found,) = instances(connection)
        assert connection.execute(select(instance.c.sender)).scalar_one()
    assert archive.blobs.holds(found.blob_key, found.length)


def test_the_same_identity_is_the_same_row_however_it_is_padded(archive: Archive) -> None:
    """A NUL that only one database drops must not make two patients of one, or one study of two."""
    for padding in ("", "\0", " "):
        dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
        dataset.add_new("PatientID", "UT", "P1" + padding)
        assert ingest_file(archive, as_file(dataset), Sender("KASHI", "A")).outcome is Outcome.STORED
    with archive.database.read() as connection:
        for table in (patient, study, series):
            assert len(connection.execute(select(table.c.id)).all()) == 1

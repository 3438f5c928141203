"""A hospital's PACS rejects images by C-STORE: C-FIND and C-GET know them no more, storage commitment and others do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from retrieval import STUDY, variant

from dicom_node.node import DicomNode
from storage.rejection_note import Reference, write_note


def note_file(path: Path, *uids: str) -> Path:
    """A rejection note of the study's patient, as a file."""
    patient = {"00100020": {"vr": "LO", "Value": ["P1"]}, "0020000D": {"vr": "UI", "Value": [STUDY]}}
    references = [Reference(f"{STUDY}.1", CTImageStorage, uid) for uid in uids]
    data, _ = write_note(patient, references, "113001", "motion", datetime(2026, 1, 2, tzinfo=UTC))
    dataset: Dataset = dcmread(DicomBytesIO(data), force=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_what_a_pacs_rejects_is_found_and_fetched_no_more(
    node: DicomNode, storescu: Callable, dcmtk: Callable, tmp_path: Path
) -> None:
    gone, *stay = uids = [f"{STUDY}.1.{number}" for number in (1, 2, 3)]
    for uid in uids:
        path = tmp_path / f"{uid}.dcm"
        named = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", "SOPInstanceUID": uid}
        path.write_bytes(variant("CT_small.dcm", **named, PatientID="P1"))
        assert storescu(path).code == 0
    ran = storescu(note_file(tmp_path / "note.dcm", gone))
    assert ran.code == 0, ran.output
    assert "Success" in ran.output
    titles = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT")
    where = ("127.0.0.1", node.port)
    keys = ("-k", f"0020,000D={STUDY}", "-k", "0008,0018", "-k", "0020,000E")
    found = dcmtk("findscu", "-v", *titles, "-S", "-k", "0008,0052=IMAGE", *keys, *where)
    assert [uid for uid in uids if re.search(rf"\[{uid}[^.\d]", found.output)] == stay
    counted = ("-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}", "-k", "0020,1208")
    ran = dcmtk("findscu", "-v", *titles, "-S", *counted, *where)
    assert re.search(rf"\(0020,1208\) IS \[{len(stay)}\D", ran.output)
    folder = tmp_path / "got"
    folder.mkdir()
    got = dcmtk(
        "getscu", "-v", *titles, "+B", "-od", folder, "-S", "-k", "0008,0052=STUDY", *keys[:2], *where
    )
    assert got.code == 0, got.output
    assert sorted(dcmread(path).SOPInstanceUID for path in folder.iterdir()) == stay

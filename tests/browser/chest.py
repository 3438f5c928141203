"""A small chest CT of an invented patient, sent over the DICOM wire."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid
from running import Program

from farlight.demo.studies import ct_chest, write_instances

SLICES = 12


def send_ct(program: Program, folder: Path, patient: str, ae_title: str = "KASHI_PACS") -> str:
    """Make and send it; returns its study UID."""
    folder.mkdir()
    write_instances(
        ct_chest.ct_chest(ct_chest.chest_exam(date(2026, 11, 20)), matrix=128, slices=SLICES), folder
    )
    study_uid, patient_id, series_uids = generate_uid(), generate_uid()[-12:], {}
    for path in folder.iterdir():
        dataset = dcmread(path)
        series = series_uids.setdefault(dataset.SeriesInstanceUID, generate_uid())
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid, series
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.PatientName, dataset.PatientID = patient, patient_id
        dataset.save_as(path)
    program.dcmtk("storescu", "-aet", ae_title, "+sd", str(folder))
    return str(study_uid)

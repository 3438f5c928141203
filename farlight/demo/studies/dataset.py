"""What every generated instance says of its patient, study, series and equipment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from farlight.demo.studies.patient import Hospital, Patient

Stored = npt.NDArray[np.int16] | npt.NDArray[np.uint16]
_ROOT = "1.2.826.0.1.3680043.8.498."
_IMPLEMENTATION = generate_uid(_ROOT, ["farlight", "demo", "implementation"])


@dataclass(frozen=True)
class Exam:
    """One study: whose, where, when, and what was asked. `day` and `time` are the study's own clock."""

    key: str
    patient: Patient
    hospital: Hospital
    day: date
    time: str
    accession_number: str
    description: str
    body_part: str
    physician: str
    charset: str = "ISO_IR 192"

    def uid(self, *parts: object) -> str:
        """A UID of this study's own, the same whenever it is asked for."""
        return str(
            generate_uid(_ROOT, ["farlight", "demo", self.key, self.day.isoformat(), *map(str, parts)])
        )


@dataclass(frozen=True)
class SeriesFacts:
    """One series: its number, what it is, and the device."""

    number: int
    modality: str
    description: str
    protocol: str
    model: str
    time: str
    body_part: str | None = None


def new_instance(exam: Exam, series: SeriesFacts, sop_class: str, number: int) -> FileDataset:
    """An instance without pixels: Patient, Study, Series, Equipment and SOP Common modules (PS3.3 C.7.1 to C.7.5)."""
    uid = exam.uid(series.number, number)
    made = FileDataset("", Dataset(), preamble=b"\0" * 128, file_meta=_meta(sop_class, uid))
    made.SpecificCharacterSet = exam.charset
    made.SOPClassUID, made.SOPInstanceUID = UID(sop_class), UID(uid)
    _patient(made, exam)
    _study(made, exam)
    _series(made, exam, series)
    made.InstanceNumber = number
    made.InstanceCreationDate = made.ContentDate = exam.day.strftime("%Y%m%d")
    made.InstanceCreationTime = made.ContentTime = series.time
    return made


def set_grey_pixels(made: Dataset, pixels: Stored, bits: int = 16) -> None:
    """One frame of (rows, columns) in native encoding (PS3.3 C.7.6.3)."""
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, bits, bits - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def code(value: str, scheme: str, meaning: str) -> DicomSequence:
    """A code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return DicomSequence([item])


def _meta(sop_class: str, uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = _IMPLEMENTATION, "FARLIGHT_DEMO"
    return meta


def _patient(made: Dataset, exam: Exam) -> None:
    who = exam.patient
    made.PatientName, made.PatientID = who.name, who.patient_id
    made.IssuerOfPatientID = exam.hospital.issuer
    made.PatientBirthDate, made.PatientSex = who.birth_date, who.sex
    made.PatientSize, made.PatientWeight = who.size_m, who.weight_kg
    born = date(int(who.birth_date[:4]), int(who.birth_date[4:6]), int(who.birth_date[6:]))
    years = exam.day.year - born.year - ((exam.day.month, exam.day.day) < (born.month, born.day))
    made.PatientAge = f"{years:03d}Y"


def _study(made: Dataset, exam: Exam) -> None:
    made.StudyInstanceUID = UID(exam.uid())
    made.StudyDate, made.StudyTime = exam.day.strftime("%Y%m%d"), exam.time
    made.StudyID = exam.accession_number[-6:]
    made.AccessionNumber = exam.accession_number
    made.StudyDescription = exam.description
    made.ReferringPhysicianName = exam.physician
    made.TimezoneOffsetFromUTC = "+0800"


def _series(made: Dataset, exam: Exam, series: SeriesFacts) -> None:
    made.Modality = series.modality
    made.SeriesInstanceUID = exam.uid(series.number)
    made.SeriesNumber = series.number
    made.SeriesDate = made.AcquisitionDate = made.StudyDate
    made.SeriesTime = made.AcquisitionTime = series.time
    made.SeriesDescription, made.ProtocolName = series.description, series.protocol
    made.BodyPartExamined = series.body_part or exam.body_part
    made.Manufacturer, made.ManufacturerModelName = "Farlight", series.model
    made.DeviceSerialNumber, made.SoftwareVersions = f"FL-{exam.hospital.site}-{series.modality}", "1"
    made.InstitutionName, made.InstitutionAddress = exam.hospital.name_zh, exam.hospital.address
    made.InstitutionalDepartmentName = "医学影像科 Radiology"
    made.StationName = f"{exam.hospital.site}{series.modality}01"

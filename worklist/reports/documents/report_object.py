"""What every report object has in common: study, series, equipment, time, and the file around it."""

from __future__ import annotations

from datetime import timedelta, timezone

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset, validate_file_meta
from pydicom.uid import UID, ExplicitVRLittleEndian

from storage.errors import Invalid
from worklist.reports.documents.characters import clean_line
from worklist.reports.documents.charset import settle_character_set
from worklist.reports.documents.clock import local
from worklist.reports.documents.content import ReportDocument
from worklist.reports.documents.dicom_text import institution_name
from worklist.reports.documents.language import in_language_of
from worklist.reports.documents.study_header import taken_over
from worklist.reports.documents.wording import TITLE


def begin_report_object(
    document: ReportDocument,
    study_header: Dataset,
    *,
    modality: str,
    sop_class_uid: UID,
    sop_instance_uid: str,
    series_instance_uid: str,
    series_number: int,
    instance_number: int,
) -> Dataset:
    """Patient, study, series, equipment and identification; raises `Invalid` for another study's header."""
    dataset = taken_over(study_header, document.study_instance_uid)
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.Modality = modality
    dataset.SeriesInstanceUID = series_instance_uid
    dataset.SeriesNumber = series_number
    dataset.SeriesDescription = in_language_of(document, TITLE)
    dataset.InstanceNumber = instance_number
    dataset.Manufacturer = "Farlight"
    dataset.ManufacturerModelName = "Farlight"
    dataset.InstitutionName = institution_name(document.reader)
    _add_content_time(dataset, document)
    return dataset


def finish_report_object(dataset: Dataset) -> FileDataset:
    """The file: character set settled last, when all text is there; Explicit VR Little Endian."""
    settle_character_set(dataset)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    validate_file_meta(meta, enforce_standard=True)
    return FileDataset("", dataset, preamble=bytes(128), file_meta=meta)


def _add_content_time(dataset: Dataset, document: ReportDocument) -> None:
    """In the study's offset where it states one, for that then holds for every DA and TM (PS3.3 C.12.1)."""
    offset = clean_line(str(dataset.get("TimezoneOffsetFromUTC") or ""))
    at = local(document.signed_at, document.timezone)
    if offset:
        at = at.astimezone(_fixed_offset(offset))
    dataset.ContentDate = f"{at:%Y%m%d}"
    dataset.ContentTime = f"{at:%H%M%S}"


def _fixed_offset(offset: str) -> timezone:
    try:
        sign = {"+": 1, "-": -1}[offset[0]]
        return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))
    except (KeyError, ValueError) as error:
        raise Invalid("TimezoneOffsetFromUTC (0008,0201) is no offset", code="TIMEZONE_UNKNOWN") from error

"""What a report document says: plain values, complete, and independent of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydicom import uid as uids

Kind = Literal["PRELIM", "FINAL", "ADDENDUM", "CORRECTION", "RETRACTION"]
Positivity = Literal["POSITIVE", "NEGATIVE", ""]

# PS3.3 A: image objects without the Multi-frame Module (and without functional groups)
_SINGLE_FRAME_CLASSES = frozenset(
    {
        uids.CTImageStorage,
        uids.ComputedRadiographyImageStorage,
        uids.DigitalIntraOralXRayImageStorageForPresentation,
        uids.DigitalIntraOralXRayImageStorageForProcessing,
        uids.DigitalMammographyXRayImageStorageForPresentation,
        uids.DigitalMammographyXRayImageStorageForProcessing,
        uids.DigitalXRayImageStorageForPresentation,
        uids.DigitalXRayImageStorageForProcessing,
        uids.MRImageStorage,
        uids.PositronEmissionTomographyImageStorage,
        uids.SecondaryCaptureImageStorage,
        uids.UltrasoundImageStorage,
        uids.VLEndoscopicImageStorage,
        uids.VLMicroscopicImageStorage,
        uids.VLPhotographicImageStorage,
        uids.VLSlideCoordinatesMicroscopicImageStorage,
    }
)


@dataclass(frozen=True)
class PersonName:
    """The three component groups of a DICOM person name (PS3.5 6.2.1.1), each with its `^`."""

    alphabetic: str
    ideographic: str = ""
    phonetic: str = ""


@dataclass(frozen=True)
class Institution:
    """A hospital, by its site code and its names."""

    code: str
    name: str
    name_zh: str


@dataclass(frozen=True)
class Signer:
    """Who put a name under the report. `at` is aware UTC."""

    name: str
    name_zh: str
    licence_no: str
    at: datetime


@dataclass(frozen=True)
class KeyImage:
    """An image chosen to illustrate the report.

    `frame_number` counts from 1 and is None for the whole of a single-frame image. `picture` is a JPEG as it
    is to be printed, None where there is none to print.
    """

    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None
    caption: str
    picture: bytes | None
    lossy: bool

    @property
    def stated_frame_number(self) -> int | None:
        """The frame number where the SOP class can have several frames; a reference must not name it elsewhere."""
        return None if self.sop_class_uid in _SINGLE_FRAME_CLASSES else self.frame_number


@dataclass(frozen=True)
class Evidence:
    """One instance that was read for the report."""

    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class ReportDocument:
    """One version of a report.

    DICOM dates and times keep their own form (DA, TM, AS); sections are plain text, a newline for each new
    line, and empty where the report has none. `content_hash` and `prev_hash` are SHA-256 in hex. `timezone`
    is an IANA name: the zone in which times are printed. `language` is an RFC 5646 tag; empty lets the
    script of the text tell.
    """

    report_id: str
    version: int
    kind: Kind
    requester: Institution
    reader: Institution
    patient_id: str
    issuer: str
    patient_name: PersonName
    patient_sex: str
    patient_birth_date: str
    patient_age: str
    accession_number: str
    study_instance_uid: str
    study_date: str
    study_time: str
    study_description: str
    modalities: tuple[str, ...]
    body_part: str
    request_number: str
    technique: str
    clinical_info: str
    comparison: str
    findings: str
    impression: str
    recommendation: str
    positivity: Positivity
    author: Signer
    reviewer: Signer | None
    signed_at: datetime
    content_hash: str
    prev_hash: str
    timezone: str
    evidence: tuple[Evidence, ...]
    key_images: tuple[KeyImage, ...]
    predecessor_sop_instance_uid: str | None = None
    predecessor_sop_class_uid: str | None = None
    predecessor_series_instance_uid: str | None = None
    verify_url: str = ""
    language: str = ""

    @property
    def last_signer(self) -> Signer:
        """The one who answers for the report: the reviewer, or the author who signed alone."""
        return self.reviewer or self.author

    @property
    def body(self) -> str:
        """All that was written by a person, section after section."""
        sections = (
            self.clinical_info,
            self.technique,
            self.comparison,
            self.findings,
            self.impression,
            self.recommendation,
        )
        return "\n".join(text for text in sections if text)

"""Attributes that a query may match on (PS3.4 C.6.2.1, PS3.18 Table 10.6.1-5), and where the index keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydicom.datadict import tag_for_keyword
from sqlalchemy import ColumnElement

from storage.tables import instance, patient, series, study


class Level(StrEnum):
    """What a query lists (PS3.4 C.6.2.1)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    INSTANCE = "INSTANCE"


class Kind(StrEnum):
    """How the values of an attribute are compared; each follows from its VR."""

    UID = "UID"
    TEXT = "TEXT"
    CODE = "CODE"
    CODES = "CODES"
    NAME = "NAME"
    DATE = "DATE"
    TIME = "TIME"
    NUMBER = "NUMBER"


@dataclass(frozen=True)
class QueryKey:
    """One attribute: `table` is ``patient``, ``study``, ``series`` or ``instance``; `folded` holds a name's words;
    `identifies` if its beginnings are looked for in an index."""

    keyword: str
    table: str
    kind: Kind
    column: ColumnElement[Any]
    folded: ColumnElement[Any] | None = None
    identifies: bool = False

    @property
    def tag(self) -> str:
        """Eight hexadecimal digits, as in the DICOM JSON model."""
        return f"{tag_for_keyword(self.keyword) or 0:08X}"


_KEYS = (
    QueryKey("PatientName", "patient", Kind.NAME, patient.c.patient_name, patient.c.name_search),
    QueryKey("PatientID", "patient", Kind.TEXT, patient.c.patient_id, identifies=True),
    QueryKey("IssuerOfPatientID", "patient", Kind.TEXT, patient.c.issuer),
    QueryKey("PatientBirthDate", "patient", Kind.DATE, patient.c.patient_birth_date),
    QueryKey("PatientSex", "patient", Kind.CODE, patient.c.patient_sex),
    QueryKey("StudyInstanceUID", "study", Kind.UID, study.c.study_instance_uid),
    QueryKey("StudyDate", "study", Kind.DATE, study.c.study_date),
    QueryKey("StudyTime", "study", Kind.TIME, study.c.study_time),
    QueryKey("AccessionNumber", "study", Kind.TEXT, study.c.accession_number, identifies=True),
    QueryKey("StudyID", "study", Kind.TEXT, study.c.study_id),
    QueryKey("StudyDescription", "study", Kind.TEXT, study.c.study_description),
    QueryKey("ReferringPhysicianName", "study", Kind.NAME, study.c.referring_physician_name),
    QueryKey("ModalitiesInStudy", "study", Kind.CODES, study.c.modalities_in_study),
    QueryKey("SOPClassesInStudy", "instance", Kind.UID, instance.c.sop_class_uid),
    QueryKey("SeriesInstanceUID", "series", Kind.UID, series.c.series_instance_uid),
    QueryKey("Modality", "series", Kind.CODE, series.c.modality),
    QueryKey("SeriesNumber", "series", Kind.NUMBER, series.c.series_number),
    QueryKey("SeriesDescription", "series", Kind.TEXT, series.c.series_description),
    QueryKey("BodyPartExamined", "series", Kind.CODE, series.c.body_part_examined),
    QueryKey("SOPInstanceUID", "instance", Kind.UID, instance.c.sop_instance_uid),
    QueryKey("SOPClassUID", "instance", Kind.UID, instance.c.sop_class_uid),
    QueryKey("InstanceNumber", "instance", Kind.NUMBER, instance.c.instance_number),
)

QUERY_KEYS = {key.keyword: key for key in _KEYS}
"""Every attribute that can be matched, by keyword."""

"""What a report object takes over from the study it belongs to, element by element."""

from __future__ import annotations

import re

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from storage.errors import Invalid
from worklist.reports.documents.charset import TEXT_VRS

# PS3.3 C.7.1.1 Patient, C.7.1.3 Clinical Trial Subject, C.7.2.1 General Study, C.7.2.2 Patient Study,
# C.7.2.3 Clinical Trial Study, and from C.12.1 SOP Common what gives their values a meaning.
KEYWORDS = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "SourcePatientGroupIdentificationSequence",
    "GroupOfPatientsIdentificationSequence",
    "PatientBirthDate",
    "PatientBirthDateInAlternativeCalendar",
    "PatientDeathDateInAlternativeCalendar",
    "PatientAlternativeCalendar",
    "PatientBirthTime",
    "PatientSex",
    "ReferencedPatientPhotoSequence",
    "QualityControlSubject",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "EthnicGroup",
    "EthnicGroupCodeSequence",
    "PatientComments",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "BreedRegistrationSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "ReferringPhysicianIdentificationSequence",
    "ConsultingPhysicianName",
    "ConsultingPhysicianIdentificationSequence",
    "StudyID",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "StudyDescription",
    "PhysiciansOfRecord",
    "PhysiciansOfRecordIdentificationSequence",
    "NameOfPhysiciansReadingStudy",
    "PhysiciansReadingStudyIdentificationSequence",
    "RequestingService",
    "RequestingServiceCodeSequence",
    "ReferencedStudySequence",
    "ProcedureCodeSequence",
    "ReasonForPerformedProcedureCodeSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientBodyMassIndex",
    "MedicalAlerts",
    "Allergies",
    "SmokingStatus",
    "PregnancyStatus",
    "LastMenstrualDate",
    "PatientState",
    "Occupation",
    "AdditionalPatientHistory",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "ServiceEpisodeID",
    "IssuerOfServiceEpisodeIDSequence",
    "ServiceEpisodeDescription",
    "PatientSexNeutered",
)

# Type 2: present even where the study had none.
REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)

# ISO 2022 designations as in PS3.3 C.12.1.1.2
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\$[()]?[@A-D]|[()\-][@-~])")


def taken_over(study_header: Dataset, study_instance_uid: str) -> Dataset:
    """A new data set with the study's patient and study attributes, values as they were.

    Raises `Invalid` if the header is of another study.
    """
    if study_header.get("StudyInstanceUID") != study_instance_uid:
        raise Invalid("the header is not of the report's study", code="STUDY_HEADER_MISMATCH")
    dataset = Dataset()
    for keyword in KEYWORDS:
        if keyword in study_header:
            dataset.add(_copy(study_header[keyword]))
    for keyword in REQUIRED:
        if keyword not in dataset:
            setattr(dataset, keyword, None)
    return dataset


def _copy(element: DataElement) -> DataElement:
    """A copy whose text is free of the bytes it came from, so that it follows a change of character set."""
    value = element.value
    if element.VR == "SQ":
        value = [_copy_item(item) for item in value]
    elif element.VR in TEXT_VRS and value:
        value = [_plain(part) for part in value] if element.VM > 1 else _plain(value)
    # Verbatim also where the sender broke a rule of the VR: it is the hospital's own identification.
    return DataElement(element.tag, element.VR, value, validation_mode=IGNORE)


def _plain(value: object) -> str:
    # Decoding under ISO 2022 IR 58 leaves the escape sequences in the text.
    return _ESCAPE_SEQUENCE.sub("", str(value))


def _copy_item(item: Dataset) -> Dataset:
    copy = Dataset()
    for element in item:
        if element.keyword != "SpecificCharacterSet":
            copy.add(_copy(element))
    return copy

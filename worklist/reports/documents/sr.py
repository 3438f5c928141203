"""The report as a Basic Text SR (PS3.3 A.35.1)."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import BasicTextSRStorage

from worklist.reports.documents.clock import dicom_date_time
from worklist.reports.documents.coding import licence_code
from worklist.reports.documents.content import Evidence, KeyImage, ReportDocument, Signer
from worklist.reports.documents.dicom_text import institution_name, person_name, short_line
from worklist.reports.documents.report_object import begin_report_object, finish_report_object
from worklist.reports.documents.sr_content import content_tree


def report_sr(
    document: ReportDocument,
    study_header: Dataset,
    *,
    sop_instance_uid: str,
    series_instance_uid: str,
    series_number: int,
    instance_number: int = 1,
) -> FileDataset:
    """The report as an SR document in the study of `study_header`.

    The header's (0008,0005) must tell the truth about its text: it is what the text is decoded with, and it
    stays if it can hold the report. Raises `Invalid` for a header of another study.
    """
    dataset = begin_report_object(
        document,
        study_header,
        modality="SR",
        sop_class_uid=BasicTextSRStorage,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=series_instance_uid,
        series_number=series_number,
        instance_number=instance_number,
    )
    dataset.ReferencedPerformedProcedureStepSequence = []
    _add_document_general(dataset, document)
    dataset.update(content_tree(document))
    return finish_report_object(dataset)


def _add_document_general(dataset: Dataset, document: ReportDocument) -> None:
    """SR Document General Module (PS3.3 C.17.2)."""
    preliminary = document.kind == "PRELIM"
    dataset.PreliminaryFlag = "PRELIMINARY" if preliminary else "FINAL"
    dataset.CompletionFlag = "COMPLETE"
    # A preliminary report is released before anybody answers for it.
    dataset.VerificationFlag = "UNVERIFIED" if preliminary else "VERIFIED"
    if not preliminary:
        dataset.VerifyingObserverSequence = [_verifying_observer(document)]
    dataset.AuthorObserverSequence = [_author_observer(document)]
    dataset.CustodialOrganizationSequence = [_custodian(document)]
    if document.predecessor_sop_instance_uid:
        dataset.PredecessorDocumentsSequence = [_predecessor(document, dataset.SeriesInstanceUID)]
    dataset.ReferencedRequestSequence = [_request(dataset, document)]
    dataset.PerformedProcedureCodeSequence = []
    evidence = _evidence(document)
    if evidence:
        dataset.CurrentRequestedProcedureEvidenceSequence = [_study(document, evidence)]


def _verifying_observer(document: ReportDocument) -> Dataset:
    signer = document.last_signer
    item = Dataset()
    item.VerifyingObserverName = person_name(signer)
    item.VerifyingObserverIdentificationCodeSequence = _identification(signer)
    item.VerifyingOrganization = institution_name(document.reader)
    item.VerificationDateTime = dicom_date_time(signer.at, document.timezone)
    return item


def _author_observer(document: ReportDocument) -> Dataset:
    item = Dataset()
    item.ObserverType = "PSN"
    item.PersonName = person_name(document.author)
    item.PersonIdentificationCodeSequence = _identification(document.author)
    item.InstitutionName = institution_name(document.reader)
    item.InstitutionCodeSequence = []
    return item


def _identification(signer: Signer) -> list[Dataset]:
    licence_no = short_line(signer.licence_no)
    return [licence_code(licence_no, short_line(signer.name or signer.name_zh))] if licence_no else []


def _custodian(document: ReportDocument) -> Dataset:
    item = Dataset()
    item.InstitutionName = institution_name(document.reader)
    item.InstitutionCodeSequence = []
    return item


def _request(dataset: Dataset, document: ReportDocument) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = document.study_instance_uid
    item.ReferencedStudySequence = []
    item.AccessionNumber = dataset.AccessionNumber
    item.PlacerOrderNumberImagingServiceRequest = ""
    item.FillerOrderNumberImagingServiceRequest = ""
    item.RequestedProcedureID = short_line(document.request_number, 16)
    item.RequestedProcedureDescription = short_line(document.study_description)
    item.RequestedProcedureCodeSequence = []
    return item


def _predecessor(document: ReportDocument, own_series_instance_uid: str) -> Dataset:
    """All versions of a report share a series unless the document says otherwise."""
    predecessor = Evidence(
        document.predecessor_series_instance_uid or own_series_instance_uid,
        document.predecessor_sop_class_uid or BasicTextSRStorage,
        document.predecessor_sop_instance_uid or "",
    )
    return _study(document, [predecessor])


def _evidence(document: ReportDocument) -> list[Evidence | KeyImage]:
    """What was read, and whatever the content refers to, each instance once."""
    instances: dict[str, Evidence | KeyImage] = {}
    mentioned: tuple[Evidence | KeyImage, ...] = (*document.evidence, *document.key_images)
    for item in mentioned:
        instances.setdefault(item.sop_instance_uid, item)
    return list(instances.values())


def _study(document: ReportDocument, instances: Iterable[Evidence | KeyImage]) -> Dataset:
    """Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1)."""
    by_series: dict[str, list[Dataset]] = {}
    for item in instances:
        by_series.setdefault(item.series_instance_uid, []).append(_sop_reference(item))
    study = Dataset()
    study.StudyInstanceUID = document.study_instance_uid
    study.ReferencedSeriesSequence = [_series(uid, items) for uid, items in by_series.items()]
    return study


def _series(series_instance_uid: str, references: list[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = series_instance_uid
    series.ReferencedSOPSequence = references
    return series


def _sop_reference(item: Evidence | KeyImage) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = item.sop_class_uid
    reference.ReferencedSOPInstanceUID = item.sop_instance_uid
    return reference

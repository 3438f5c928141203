"""The printed report as an Encapsulated PDF in its study (PS3.3 A.45.1)."""

from __future__ import annotations

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import EncapsulatedPDFStorage

from storage.errors import Invalid
from worklist.reports.documents.clock import dicom_date_time
from worklist.reports.documents.coding import TITLE, concept_item
from worklist.reports.documents.content import KeyImage, ReportDocument
from worklist.reports.documents.language import in_language_of
from worklist.reports.documents.report_object import begin_report_object, finish_report_object
from worklist.reports.documents.wording import KINDS
from worklist.reports.documents.wording import TITLE as TITLE_WORDS


def report_encapsulated_pdf(
    document: ReportDocument,
    pdf: bytes,
    study_header: Dataset,
    *,
    sop_instance_uid: str,
    series_instance_uid: str,
    series_number: int,
    instance_number: int = 1,
) -> FileDataset:
    """`pdf` as an instance of the study of `study_header`; see `report_sr` for its character set.

    Raises `Invalid` for a header of another study and for bytes that are no PDF.
    """
    if not pdf.startswith(b"%PDF-"):
        raise Invalid("what is to be encapsulated is no PDF", code="NOT_A_PDF")
    dataset = begin_report_object(
        document,
        study_header,
        modality="DOC",
        sop_class_uid=EncapsulatedPDFStorage,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=series_instance_uid,
        series_number=series_number,
        instance_number=instance_number,
    )
    dataset.ConversionType = "WSD"
    _add_document(dataset, document, pdf)
    return finish_report_object(dataset)


def _add_document(dataset: Dataset, document: ReportDocument, pdf: bytes) -> None:
    """Encapsulated Document Module (PS3.3 C.24.2)."""
    dataset.AcquisitionDateTime = dicom_date_time(document.author.at, document.timezone)
    dataset.BurnedInAnnotation = "YES"
    if document.key_images:
        dataset.SourceInstanceSequence = [_source(image) for image in document.key_images]
    title, kind = in_language_of(document, TITLE_WORDS), in_language_of(document, KINDS[document.kind])
    dataset.DocumentTitle = f"{title} ({kind})"
    dataset.ConceptNameCodeSequence = [concept_item(TITLE)]
    dataset.VerificationFlag = "UNVERIFIED" if document.kind == "PRELIM" else "VERIFIED"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(pdf)
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)


def _source(image: KeyImage) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class_uid
    item.ReferencedSOPInstanceUID = image.sop_instance_uid
    return item

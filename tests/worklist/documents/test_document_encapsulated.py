from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import EncapsulatedPDFStorage
from report_corpus import CHINESE, CORPUS, ENGLISH, KEY_IMAGES, STUDY, UYGHUR, study_header

from storage.errors import Invalid
from worklist.reports.documents.content import ReportDocument
from worklist.reports.documents.encapsulated import report_encapsulated_pdf
from worklist.reports.documents.pdf import report_pdf
from worklist.reports.documents.uids import document_series_uid, document_uid


def file_of(document: ReportDocument, pdf: bytes, header: Dataset) -> bytes:
    instance = report_encapsulated_pdf(
        document,
        pdf,
        header,
        sop_instance_uid=document_uid(document.report_id, document.version, "pdf"),
        series_instance_uid=document_series_uid(document.report_id, "pdf"),
        series_number=9002,
    )
    buffer = io.BytesIO()
    instance.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def made(document: ReportDocument, pdf: bytes = b"%PDF-1.7 odd", header: Dataset | None = None) -> Dataset:
    return dcmread(io.BytesIO(file_of(document, pdf, header or study_header())))


@pytest.mark.parametrize("character_set", ["GB18030", "ISO_IR 192", ["", "ISO 2022 IR 58"], None], ids=str)
@pytest.mark.parametrize("name", CORPUS)
def test_validator_accepts_it(name: str, character_set: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.dcm"
    file.write_bytes(file_of(CORPUS[name], report_pdf(CORPUS[name]), study_header(character_set)))
    done = subprocess.run(["dciodvfy", file], capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    assert "EncapsulatedPDF" in lines
    assert [line for line in lines if line.startswith(("Error", "Warning"))] == []


def test_dcmtk_takes_the_same_pdf_out_again(tmp_path: Path) -> None:
    pdf = report_pdf(KEY_IMAGES)
    (tmp_path / "report.dcm").write_bytes(file_of(KEY_IMAGES, pdf, study_header()))
    subprocess.run(["dcm2pdf", "report.dcm", "out.pdf"], cwd=tmp_path, check=True)
    assert (tmp_path / "out.pdf").read_bytes() == pdf


@pytest.mark.parametrize("pdf", [b"%PDF-1.7 even", b"%PDF-1.7 odd"])
def test_length_is_even_and_the_true_length_is_told(pdf: bytes) -> None:
    instance = made(CHINESE, pdf)
    assert len(instance.EncapsulatedDocument) % 2 == 0
    assert instance.EncapsulatedDocumentLength == len(pdf)
    assert instance.EncapsulatedDocument[: len(pdf)] == pdf


def test_is_a_document_of_the_study() -> None:
    instance = made(CHINESE)
    assert instance.SOPClassUID == EncapsulatedPDFStorage == instance.file_meta.MediaStorageSOPClassUID
    assert (instance.Modality, instance.SeriesNumber) == ("DOC", 9002)
    assert instance.StudyInstanceUID == STUDY
    assert str(instance.PatientName) == "Wang^XiaoDong=王^小东"
    assert instance.SpecificCharacterSet == "GB18030"
    assert instance.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert instance.BurnedInAnnotation == "YES"
    assert instance.DocumentTitle == "影像诊断报告 Diagnostic Imaging Report (正式报告 Final)"
    assert instance.ConceptNameCodeSequence[0].CodeValue == "18748-4"
    assert instance.AcquisitionDateTime == "20261122212205+0800"


def test_english_report_needs_no_other_character_set() -> None:
    instance = made(ENGLISH, header=study_header(None))
    assert "SpecificCharacterSet" not in instance
    assert instance.DocumentTitle == "Diagnostic Imaging Report (Corrected)"


def test_verification_follows_the_kind() -> None:
    assert made(CHINESE).VerificationFlag == "VERIFIED"
    assert made(UYGHUR).VerificationFlag == "UNVERIFIED"


def test_sources_are_the_key_images() -> None:
    sources = made(KEY_IMAGES).SourceInstanceSequence
    assert [item.ReferencedSOPInstanceUID for item in sources] == [
        image.sop_instance_uid for image in KEY_IMAGES.key_images
    ]
    assert "SourceInstanceSequence" not in made(CHINESE)


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        made(CHINESE, b"<html>")
    assert refused.value.code == "NOT_A_PDF"

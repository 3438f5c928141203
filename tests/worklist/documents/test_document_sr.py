from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian
from report_corpus import (
    BARE,
    CHINESE,
    CORPUS,
    ENGLISH,
    KEY_IMAGES,
    LONG,
    MIXED,
    ONE_SIGNER,
    ROUGH,
    STUDY,
    UYGHUR,
    study_header,
)

from storage.errors import Invalid
from worklist.reports.documents.content import ReportDocument
from worklist.reports.documents.dicom_text import long_text
from worklist.reports.documents.sr import report_sr
from worklist.reports.documents.uids import document_series_uid, document_uid

CHARACTER_SETS = ["GB18030", "ISO_IR 192", "ISO_IR 100", ["", "ISO 2022 IR 58"], None]


def made(document: ReportDocument, header: Dataset | None = None) -> Dataset:
    """The SR after a journey through a file."""
    return dcmread(io.BytesIO(file_of(document, header or study_header())))


def file_of(document: ReportDocument, header: Dataset) -> bytes:
    sr = report_sr(
        document,
        header,
        sop_instance_uid=document_uid(document.report_id, document.version, "sr"),
        series_instance_uid=document_series_uid(document.report_id, "sr"),
        series_number=9001,
        instance_number=document.version,
    )
    buffer = io.BytesIO()
    sr.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def errors_of(file: Path) -> list[str]:
    done = subprocess.run(["dciodvfy", file], capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    assert any(line.startswith("BasicTextSR") for line in lines)
    return [line for line in lines if line.startswith("Error")]


def dumped(file: Path) -> str:
    done = subprocess.run(["dsrdump", "+U8", "+Pl", file], capture_output=True, check=True)
    return done.stdout.decode()


def texts(sr: Dataset) -> dict[str, str]:
    """Heading to text, of the sections that hold one text."""
    return {
        section.ConceptNameCodeSequence[0].CodeMeaning: section.ContentSequence[0].TextValue
        for section in sr.ContentSequence
        if section.ValueType == "CONTAINER" and "TextValue" in section.ContentSequence[0]
    }


@pytest.mark.parametrize("character_set", CHARACTER_SETS, ids=str)
@pytest.mark.parametrize("name", CORPUS)
def test_validators_accept_it_and_read_all_text(name: str, character_set: Any, tmp_path: Path) -> None:
    document = CORPUS[name]
    file = tmp_path / "report.dcm"
    file.write_bytes(file_of(document, study_header(character_set)))
    assert errors_of(file) == []
    dump = dumped(file)
    for section in ("technique", "clinical_info", "comparison", "findings", "impression", "recommendation"):
        for line in long_text(getattr(document, section)).split("\r\n"):
            # The dump escapes quotation marks and backslashes as XML and C do.
            assert line.replace("\\", "\\\\").replace('"', "&quot;") in dump or line in dump


def test_gbk_is_read_by_dcmtk(tmp_path: Path) -> None:
    """GBK stays too; the other validator does not know this defined term."""
    file = tmp_path / "report.dcm"
    file.write_bytes(file_of(CHINESE, study_header("GBK")))
    assert all(line in dumped(file) for line in long_text(CHINESE.body).split("\r\n"))


def test_is_a_basic_text_sr_in_the_study() -> None:
    sr = made(CHINESE)
    assert sr.SOPClassUID == BasicTextSRStorage == sr.file_meta.MediaStorageSOPClassUID
    assert sr.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert sr.StudyInstanceUID == STUDY
    assert (sr.Modality, sr.SeriesNumber, sr.InstanceNumber) == ("SR", 9001, 1)
    assert (sr.ContentDate, sr.ContentTime) == ("20261122", "220305")
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "VERIFIED", "FINAL")


def test_same_version_gives_same_bytes() -> None:
    assert file_of(LONG, study_header()) == file_of(replace(LONG), study_header())


@pytest.mark.parametrize(
    ("document", "character_set", "kept"),
    [
        (CHINESE, "GB18030", "GB18030"),
        (UYGHUR, "GB18030", "GB18030"),
        (CHINESE, "GBK", "GBK"),
        (UYGHUR, "GBK", "ISO_IR 192"),
        (CHINESE, "ISO_IR 192", "ISO_IR 192"),
        (CHINESE, "ISO_IR 100", "ISO_IR 192"),
        (CHINESE, ["", "ISO 2022 IR 58"], "ISO_IR 192"),
        (CHINESE, None, "ISO_IR 192"),
        (ENGLISH, "ISO_IR 100", "ISO_IR 100"),
        (ENGLISH, None, None),
    ],
)
def test_character_set_stays_if_it_can_hold_the_text(
    document: ReportDocument, character_set: Any, kept: str | None
) -> None:
    assert made(document, study_header(character_set)).get("SpecificCharacterSet") == kept


def test_patient_and_study_are_the_headers_own() -> None:
    for character_set in CHARACTER_SETS:
        header = study_header(character_set)
        header.PatientComments = "as sent"
        header.ReferringPhysicianName = "Doe^Jane"
        sr = made(CHINESE, header)
        for element in header:
            if element.keyword not in {"SpecificCharacterSet", "SeriesDescription"}:
                assert sr[element.tag].value == element.value, element.keyword
        assert sr.SeriesDescription != header.SeriesDescription


def test_bytes_of_the_name_stay_in_gb18030() -> None:
    assert "Wang^XiaoDong=王^小东".encode("gb18030") in file_of(CHINESE, study_header("GB18030"))


def test_name_follows_a_change_of_character_set() -> None:
    # PS3.5 K.2, under the code extension ISO 2022 IR 58
    name = bytes.fromhex("5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab3d20")
    header = Dataset()
    header.SpecificCharacterSet = ["", "ISO 2022 IR 58"]
    header.StudyInstanceUID = STUDY
    header[0x00100010] = RawDataElement(BaseTag(0x00100010), "PN", len(name), name, 0, False, True)
    buffer = io.BytesIO()
    header.save_as(buffer, implicit_vr=False, little_endian=True)
    sent = dcmread(buffer, force=True)
    sr = made(CHINESE, sent)
    assert str(sr.PatientName) == "Zhang^XiaoDong=张^小东"
    assert "张^小东".encode() in file_of(CHINESE, sent)


def test_values_that_break_a_rule_are_taken_over_as_they_are() -> None:
    header = study_header()
    header.add_new("AccessionNumber", "SH", "A" * 40)
    header.add_new("PatientAge", "AS", "45")
    sr = made(CHINESE, header)
    assert (sr.AccessionNumber, sr.PatientAge) == ("A" * 40, "45")


def test_sections_stand_in_order_under_standard_headings() -> None:
    assert list(texts(made(CHINESE))) == [
        "Summary",
        "Clinical Information",
        "Current Procedure Descriptions",
        "Prior Procedure Descriptions",
        "Findings",
        "Impressions",
        "Recommendations",
    ]
    codes = [
        (item.CodingSchemeDesignator, item.CodeValue)
        for section in made(CHINESE).ContentSequence[5:7]
        for item in (
            section.ConceptNameCodeSequence[0],
            section.ContentSequence[0].ConceptNameCodeSequence[0],
        )
    ]
    assert codes == [("LN", "59776-5"), ("DCM", "121071"), ("LN", "19005-8"), ("DCM", "121073")]


def test_root_names_title_template_and_language() -> None:
    for document, language in (
        (CHINESE, "zh"),
        (ENGLISH, "en"),
        (UYGHUR, "ug"),
        (MIXED, "zh-CN"),
    ):
        sr = made(document)
        title, template = sr.ConceptNameCodeSequence[0], sr.ContentTemplateSequence[0]
        assert (title.CodeValue, title.CodingSchemeDesignator) == ("18748-4", "LN")
        assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "2005")
        code = sr.ContentSequence[0].ConceptCodeSequence[0]
        assert (code.CodeValue, code.CodingSchemeDesignator) == (language, "RFC5646")


def test_empty_sections_are_absent() -> None:
    assert list(texts(made(BARE))) == ["Findings", "Impressions"]


def test_control_characters_are_gone_and_lines_end_in_cr_lf() -> None:
    assert texts(made(ROUGH))["Findings"] == "abcd\r\ne\r\nf   g\r\nh\r\ni\r\nj \ufffd k"
    assert texts(made(ROUGH))["Prior Procedure Descriptions"] == "back\\slash ^ = caret"


@pytest.mark.parametrize(
    ("name", "notice"),
    [
        ("uyghur", "初步报告，以正式报告为准 PRELIMINARY: the formal report prevails\r\n阳性 Positive"),
        ("english", "CORRECTED: replaces the earlier version\r\nPositive"),
        ("long", "本报告已作废，请勿作为诊疗依据 RETRACTED: not to be used for care\r\n阳性 Positive"),
        ("one-signer", "阴性 Negative"),
    ],
)
def test_summary_says_what_the_banner_says(name: str, notice: str) -> None:
    assert texts(made(CORPUS[name]))["Summary"] == notice


def test_reviewer_verifies_what_the_author_wrote() -> None:
    sr = made(CHINESE)
    verifier, author = sr.VerifyingObserverSequence[0], sr.AuthorObserverSequence[0]
    assert str(verifier.VerifyingObserverName) == "Zhang Weiguo=张卫国"
    assert verifier.VerificationDateTime == "20261122220305+0800"
    assert verifier.VerifyingOrganization == "邵逸夫医院"
    assert verifier.VerifyingObserverIdentificationCodeSequence[0].CodeValue == "110330100000777"
    assert str(author.PersonName) == "Li Na=李娜"
    assert author.PersonIdentificationCodeSequence[0].CodeValue == "110330100012345"


def test_who_signs_alone_verifies() -> None:
    verifier = made(ONE_SIGNER).VerifyingObserverSequence[0]
    assert str(verifier.VerifyingObserverName) == "Li Na=李娜"
    assert verifier.VerificationDateTime == "20261122212205+0800"


def test_long_licence_is_a_long_code_value() -> None:
    code = made(ENGLISH).VerifyingObserverSequence[0].VerifyingObserverIdentificationCodeSequence[0]
    assert code.LongCodeValue == "A-LICENCE-NUMBER-OF-27-CHARS"
    assert "CodeValue" not in code


def test_preliminary_report_is_not_verified() -> None:
    sr = made(UYGHUR)
    assert (sr.PreliminaryFlag, sr.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert "VerifyingObserverSequence" not in sr


def test_evidence_is_all_that_was_read_each_once() -> None:
    study = made(KEY_IMAGES).CurrentRequestedProcedureEvidenceSequence[0]
    assert study.StudyInstanceUID == STUDY
    by_series = {
        series.SeriesInstanceUID: [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
        for series in study.ReferencedSeriesSequence
    }
    assert {uid: len(items) for uid, items in by_series.items()} == {f"{STUDY}.1": 121, f"{STUDY}.2": 1}
    assert all(len(set(items)) == len(items) for items in by_series.values())
    assert "CurrentRequestedProcedureEvidenceSequence" not in made(BARE)


def test_key_images_stand_with_their_captions() -> None:
    containers = [
        item
        for item in made(KEY_IMAGES).ContentSequence
        if "Key" in item.ConceptNameCodeSequence[0].CodeMeaning
    ]
    assert len(containers) == 5
    captions = [
        container.ContentSequence[0].TextValue if len(container.ContentSequence) == 2 else None
        for container in containers
    ]
    assert captions == ["关键图像说明1", None, "关键图像说明3", "超声\r\n第二行", "关键图像说明500"]
    references = [container.ContentSequence[-1].ReferencedSOPSequence[0] for container in containers]
    assert [item.get("ReferencedFrameNumber") for item in references] == [None, None, None, 17, 3]
    assert all("ConceptNameCodeSequence" not in container.ContentSequence[-1] for container in containers)


def test_correction_names_its_predecessor() -> None:
    study = made(ENGLISH).PredecessorDocumentsSequence[0]
    series = study.ReferencedSeriesSequence[0]
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (STUDY, f"{STUDY}.9")
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{STUDY}.9.1"
    assert "PredecessorDocumentsSequence" not in made(CHINESE)


def test_predecessor_is_in_the_same_series_unless_told() -> None:
    document = replace(CHINESE, predecessor_sop_instance_uid="2.25.7")
    series = made(document).PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == document_series_uid(CHINESE.report_id, "sr")
    assert series.ReferencedSOPSequence[0].ReferencedSOPClassUID == BasicTextSRStorage


def test_request_is_named() -> None:
    request = made(CHINESE).ReferencedRequestSequence[0]
    assert request.AccessionNumber == "CT2026112201"
    assert request.RequestedProcedureID == "RQ-2026-000187"


def test_content_time_is_in_the_offset_that_the_header_states() -> None:
    header = study_header()
    header.TimezoneOffsetFromUTC = "+0600"
    sr = made(CHINESE, header)
    assert (sr.TimezoneOffsetFromUTC, sr.ContentDate, sr.ContentTime) == ("+0600", "20261122", "200305")


def test_header_of_another_study_is_refused() -> None:
    header = study_header()
    header.StudyInstanceUID = "2.25.1"
    with pytest.raises(Invalid) as refused:
        made(CHINESE, header)
    assert refused.value.code == "STUDY_HEADER_MISMATCH"


def test_header_offset_that_is_none_is_refused() -> None:
    header = study_header()
    header.TimezoneOffsetFromUTC = "CST"
    with pytest.raises(Invalid, match="0008,0201"):
        made(CHINESE, header)


def test_header_without_identification_gets_empty_values() -> None:
    header = Dataset()
    header.StudyInstanceUID = STUDY
    sr = made(ENGLISH, header)
    for keyword in ("PatientName", "PatientID", "StudyDate", "AccessionNumber", "ReferringPhysicianName"):
        assert keyword in sr
        assert not sr[keyword].value

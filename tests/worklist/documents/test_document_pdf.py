from __future__ import annotations

import io
import re
import subprocess
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from report_corpus import (
    BARE,
    CHINESE,
    CORPUS,
    ENGLISH,
    KEY_IMAGES,
    LONG,
    MIXED,
    RARE,
    ROUGH,
    UYGHUR,
    jpeg,
    key_image,
)

from storage.errors import Invalid
from worklist.reports.documents.content import ReportDocument, Signer
from worklist.reports.documents.pdf import report_pdf

_RUNNING_LINES = re.compile(
    r"第\d+页，共\d+页Page\d+of\d+"
    r"|艾尔肯·买买提AierkenMaimaitiP0012345CT20261122012026-11-22作废Retracted"
    r"|报告编号Report\S{36}第\d版Version\d校验码Hash\w{16}"
    r"|作废RETRACTED"
)


def extracted(pdf: bytes) -> str:
    """What pdftotext reads, in reading order, without blanks and invisible characters."""
    done = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return squeezed(done.stdout.decode())


def squeezed(text: str) -> str:
    return "".join(
        character
        for character in text
        if not character.isspace() and unicodedata.category(character)[0] != "C"
    )


def letters(text: str) -> set[str]:
    return set(squeezed(unicodedata.normalize("NFKC", text)))


def page_count(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("name", CORPUS)
def test_same_version_gives_same_bytes(name: str) -> None:
    pdf = report_pdf(CORPUS[name])
    assert pdf.startswith(b"%PDF-1.7")
    assert report_pdf(replace(CORPUS[name])) == pdf


def test_creation_date_is_the_time_of_signature() -> None:
    metadata = PdfReader(io.BytesIO(report_pdf(CHINESE))).metadata
    assert metadata is not None
    assert metadata.creation_date == CHINESE.signed_at
    assert metadata.title == "影像诊断报告 Diagnostic Imaging Report"


@pytest.mark.parametrize(
    "field", ["technique", "clinical_info", "comparison", "findings", "impression", "recommendation"]
)
@pytest.mark.parametrize("name", ["chinese", "english", "long", "one-signer"])
def test_every_section_can_be_read_back(name: str, field: str) -> None:
    text = extracted(report_pdf(replace(CORPUS[name], key_images=())))
    text = _RUNNING_LINES.sub("", text)
    for line in getattr(CORPUS[name], field).split("\n"):
        assert squeezed(line) in text


def test_uyghur_letters_come_back() -> None:
    text = letters(extracted(report_pdf(UYGHUR)))
    assert letters(UYGHUR.body) | letters("ئەركىن مەمەت") <= text


def test_rare_hanzi_come_back() -> None:
    text = extracted(report_pdf(RARE))
    assert "𬭎喆䶮" in text
    assert "镕喆䶮㛃𬭎𬬭誠僞" in text
    assert letters("Қазақ ә H₂O m² ≥ ≤ ± ① Ⅱ ℃ µ") <= letters(text)


def test_character_without_glyph_is_named_not_lost() -> None:
    assert "见[U+E7C7]结节" in extracted(report_pdf(replace(CHINESE, findings="见\ue7c7结节")))
    assert "见[U+20BB7]结节" in extracted(report_pdf(replace(CHINESE, findings="见𠮷结节")))


def test_text_is_never_markup() -> None:
    assert squeezed(ENGLISH.findings) in extracted(report_pdf(ENGLISH))


def test_identity_is_on_the_page_in_all_scripts() -> None:
    text = extracted(report_pdf(CHINESE))
    for shown in (
        "艾尔肯·买买提",
        "AierkenMaimaiti",
        "男Male",
        "45岁45y",
        "1981-03-17",
        "P0012345KASHI",
        "CT2026112201",
        "RQ-2026-000187",
        "2026-11-2210:15",
        "胸部CT平扫",
        "邵逸夫医院",
        "喀什地区第一人民医院",
    ):
        assert shown in text
    assert letters("ئەركىن مەمەت") <= letters(text)


def test_both_signers_stand_with_licence_and_local_time() -> None:
    text = extracted(report_pdf(CHINESE))
    for name, licence_no, at in (
        ("李娜LiNa", "110330100012345", "2026-11-2221:22UTC+08:00"),
        ("张卫国ZhangWeiguo", "110330100000777", "2026-11-2222:03UTC+08:00"),
    ):
        assert name in text
        assert f"执业证号Licenceno.{licence_no}" in text
        assert f"签名时间Signedat{at}" in text
    assert "2026-11-2219:22UTC+06:00" in extracted(report_pdf(UYGHUR))
    assert "审核医师" not in extracted(report_pdf(UYGHUR))


def test_version_and_short_hash_are_on_every_page() -> None:
    for page in PdfReader(io.BytesIO(report_pdf(LONG))).pages:
        text = squeezed(page.extract_text())
        assert "第3版Version3" in text
        assert LONG.content_hash[:16] in text
        assert LONG.content_hash[:17] not in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("uyghur", "初步报告，以正式报告为准PRELIMINARY"),
        ("english", "更正报告，取代此前版本CORRECTED"),
        ("rare", "补充报告，与原报告一并阅读ADDENDUM"),
        ("long", "本报告已作废，请勿作为诊疗依据RETRACTED"),
    ],
)
def test_banner_tells_what_is_not_final(name: str, words: str) -> None:
    assert words in extracted(report_pdf(CORPUS[name]))


def test_final_report_has_no_banner() -> None:
    text = extracted(report_pdf(CHINESE))
    assert not re.search("PRELIMINARY|CORRECTED|ADDENDUM|RETRACTED", text)


def test_long_report_repeats_name_and_counts_pages() -> None:
    pages = PdfReader(io.BytesIO(report_pdf(LONG))).pages
    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        text = squeezed(page.extract_text())
        assert "艾尔肯·买买提" in text
        assert f"第{number}页，共{len(pages)}页Page{number}of{len(pages)}" in text
        assert "作废" in text


def test_empty_sections_have_no_heading() -> None:
    text = extracted(report_pdf(BARE))
    for heading in (
        "临床资料",
        "检查方法",
        "对比",
        "建议",
        "关键图像",
        "检查号",
        "申请单号",
        "执业证号",
        "阳性",
    ):
        assert heading not in text
    for heading in ("姓名Name", "影像所见Findings双肺未见异常。", "影像诊断Impression未见异常。"):
        assert heading in text
    assert page_count(report_pdf(BARE)) == 1


def test_twelve_key_images_are_on_the_page() -> None:
    pages = PdfReader(io.BytesIO(report_pdf(LONG))).pages
    assert sum(len(page.images) for page in pages) == 12
    text = extracted(report_pdf(LONG))
    assert all(f"{number}关键图像说明{number}" in text for number in range(1, 13))


def test_key_image_names_frame_and_loss_where_they_apply() -> None:
    text = extracted(report_pdf(KEY_IMAGES))
    assert "1关键图像说明1有损lossy" in text  # a CT image has no frames to count
    assert "图像见影像系统" in text
    assert "4超声第二行第17帧frame17有损lossy" in text
    assert text.count("有损lossy") == 4


def test_picture_is_embedded_as_it_was() -> None:
    picture = jpeg(7)
    page = PdfReader(
        io.BytesIO(report_pdf(replace(CHINESE, key_images=(key_image(1, picture=picture),))))
    ).pages
    embedded = [image for item in page for image in item.images]
    assert len(embedded) == 1
    assert picture in report_pdf(replace(CHINESE, key_images=(key_image(1, picture=picture),)))


@pytest.mark.parametrize("picture", [b"", b"\xff\xd8\xff\xe0 no more", b"\x89PNG\r\n\x1a\n", jpeg()[:900]])
def test_broken_picture_is_refused(picture: bytes) -> None:
    with pytest.raises(Invalid, match="key image 1 is not a JPEG") as refused:
        report_pdf(replace(CHINESE, key_images=(key_image(1, picture=picture),)))
    assert refused.value.code == "KEY_IMAGE_UNREADABLE"


def test_only_our_typefaces_and_all_embedded(tmp_path: Path) -> None:
    for name, document in CORPUS.items():
        file = tmp_path / f"{name}.pdf"
        file.write_bytes(report_pdf(document))
        listed = subprocess.run(["pdffonts", file], capture_output=True, check=True, text=True).stdout
        fonts = [line.split() for line in listed.splitlines()[2:]]
        assert fonts
        for font in fonts:
            assert re.fullmatch(r"[A-Z]{6}\+NotoSans(SC|Arabic)?-(Regular|Bold)", font[0])
            assert font[-5:-2] == ["yes", "yes", "yes"]  # embedded, subset, mapped to Unicode


def test_declares_archival_profile() -> None:
    pdf = PdfReader(io.BytesIO(report_pdf(CHINESE)))
    metadata = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part>2<.*pdfaid:conformance>U<", metadata, re.S)


def test_nothing_runs_off_the_page() -> None:
    for document in (ROUGH, replace(CHINESE, patient_id="9" * 64, accession_number="Z" * 64)):
        done = subprocess.run(
            ["pdftotext", "-bbox", "-", "-"], input=report_pdf(document), capture_output=True, check=True
        )
        edges = [float(edge) for edge in re.findall(rb'xMax="([\d.]+)"', done.stdout)]
        assert len(edges) > 100
        assert max(edges) < 595.28 - 18 * 72 / 25.4 + 1


def test_measures_keep_their_order_amid_arabic_letters() -> None:
    """By place on the page: 12, mm, ×, 9, mm from left to right, though the line runs the other way."""
    for document in (UYGHUR, MIXED):
        done = subprocess.run(
            ["pdftotext", "-bbox", "-", "-"], input=report_pdf(document), capture_output=True, check=True
        )
        boxes = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)".*?>(.*?)</word>', done.stdout.decode())
        placed = {squeezed(word): float(x) for x, _, word in boxes if squeezed(word) in {"12", "×", "9"}}
        assert placed["12"] < placed["×"] < placed["9"]


def test_unknown_zone_and_naive_time_are_refused() -> None:
    with pytest.raises(Invalid, match="no such time zone"):
        report_pdf(replace(CHINESE, timezone="Asia/Nowhere"))
    naive = Signer("Li Na", "李娜", "1", CHINESE.signed_at.replace(tzinfo=None))
    with pytest.raises(Invalid, match="offset"):
        report_pdf(replace(CHINESE, author=naive))


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=120))
def test_any_text_can_be_printed(text: str) -> None:
    document: ReportDocument = replace(CHINESE, findings=text, patient_id=text, key_images=())
    assert page_count(report_pdf(document)) >= 1

"""Made-up reports that differ in everything a document has to cope with."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EnhancedMRImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from worklist.reports.documents.content import (
    Evidence,
    Institution,
    KeyImage,
    PersonName,
    ReportDocument,
    Signer,
)

STUDY = "2.25.110000000000000000000000000000000000"
SERIES = f"{STUDY}.1"
SIGNED_AT = datetime(2026, 11, 22, 14, 3, 5, tzinfo=UTC)


def jpeg(seed: int = 0, columns: int = 320, rows: int = 256) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (rows, columns), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def key_image(number: int, **changes: object) -> KeyImage:
    image = KeyImage(
        SERIES, CTImageStorage, f"{SERIES}.{number}", None, f"关键图像说明{number}", jpeg(number), lossy=True
    )
    return replace(image, **changes)  # type: ignore[arg-type]


CHINESE = ReportDocument(
    report_id="01939f3c-7e02-7c4e-9a53-54d0c5f6c1aa",
    version=1,
    kind="FINAL",
    requester=Institution("KASHI", "Kashi Prefectural First People's Hospital", "喀什地区第一人民医院"),
    reader=Institution("SRRSH", "Sir Run Run Shaw Hospital", "邵逸夫医院"),
    patient_id="P0012345",
    issuer="KASHI",
    patient_name=PersonName("Aierken^Maimaiti", "艾尔肯·买买提", "ئەركىن^مەمەت"),
    patient_sex="M",
    patient_birth_date="19810317",
    patient_age="045Y",
    accession_number="CT2026112201",
    study_instance_uid=STUDY,
    study_date="20261122",
    study_time="101530.123",
    study_description="胸部CT平扫",
    modalities=("CT",),
    body_part="CHEST",
    request_number="RQ-2026-000187",
    technique="胸部螺旋CT平扫，层厚1.0 mm。",
    clinical_info="咳嗽、咳痰2周，最高体温38.6℃。\n检查目的：排除肺炎。",
    comparison="2026-05-11 胸部CT平扫。",
    findings="右肺下叶见结节，大小约12 mm×9 mm（Se 3, Im 87），边缘见短毛刺。\n\n双侧胸腔未见积液。",
    impression="1. 右肺下叶结节，Lung-RADS 4B。\n2. 肝左叶小囊肿。",
    recommendation="建议1个月内行增强CT检查。",
    positivity="POSITIVE",
    author=Signer("Li Na", "李娜", "110330100012345", SIGNED_AT - timedelta(minutes=41)),
    reviewer=Signer("Zhang Weiguo", "张卫国", "110330100000777", SIGNED_AT),
    signed_at=SIGNED_AT,
    content_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    prev_hash="",
    timezone="Asia/Shanghai",
    evidence=tuple(Evidence(SERIES, CTImageStorage, f"{SERIES}.{number}") for number in range(1, 121)),
    key_images=(),
)

UYGHUR = replace(
    CHINESE,
    kind="PRELIM",
    reviewer=None,
    timezone="Asia/Urumqi",
    technique="",
    comparison="",
    clinical_info="يۆتەل، قىزىتما",
    findings="ئوڭ ئۆپكىدە 12 mm × 9 mm چوڭلۇقتىكى تۈگۈنچە كۆرۈلدى.\nسول ئۆپكىدە نورمالسىزلىق كۆرۈلمىدى.",
    impression="1. ئوڭ ئۆپكە تۈگۈنچىسى، Lung-RADS 4B.",
    recommendation="بىر ئايدىن كېيىن قايتا تەكشۈرۈڭ.",
)

ENGLISH = replace(
    CHINESE,
    kind="CORRECTION",
    version=2,
    requester=Institution("KASHI", "Kashi Prefectural First People's Hospital", ""),
    reader=Institution("SRRSH", "Sir Run Run Shaw Hospital", ""),
    patient_name=PersonName("Smith^John^Q^Dr.^Jr."),
    technique="Non-contrast chest CT, 1.0 mm slices.",
    clinical_info="",
    comparison="None.",
    study_description="CHEST CT",
    findings='A 12 mm nodule. #set text(red) *bold* _em_ $x^2$ @ref <label> \\ `raw` // "quoted" [x] ~ --- end',
    impression="Suspicious nodule.",
    recommendation="",
    author=Signer("Li Na", "", "", SIGNED_AT),
    reviewer=Signer("Zhang Weiguo", "", "A-LICENCE-NUMBER-OF-27-CHARS", SIGNED_AT),
    predecessor_sop_instance_uid=f"{STUDY}.9.1",
    predecessor_sop_class_uid=BasicTextSRStorage,
    predecessor_series_instance_uid=f"{STUDY}.9",
)

BARE = replace(
    CHINESE,
    issuer="",
    patient_name=PersonName("", "", ""),
    patient_sex="",
    patient_birth_date="",
    patient_age="",
    accession_number="",
    study_date="",
    study_time="",
    study_description="",
    modalities=(),
    body_part="",
    request_number="",
    technique="",
    clinical_info=" \n ",
    comparison="",
    findings="双肺未见异常。",
    impression="未见异常。",
    recommendation="",
    positivity="",
    author=Signer("", "李娜", "", SIGNED_AT),
    reviewer=None,
    evidence=(),
)

RARE = replace(
    CHINESE,
    kind="ADDENDUM",
    patient_name=PersonName("Qian^Zhe", "𬭎^喆䶮", ""),
    findings="镕喆䶮㛃𬭎𬬭 誠 僞 Қазақ ә H₂O m² ≥ ≤ ± ① Ⅱ ℃ µ",
)

ROUGH = replace(
    CHINESE,
    findings="a\x00b\x07c\x1bd\r\ne\rf\tg\x0bh\x0ci\u2028j \ud800 \ufeffk",
    impression="x" * 3000 + " " + "长" * 3000 + "\n" + "long/path/" * 80,
    comparison="back\\slash ^ = caret",
)

LONG = replace(
    CHINESE,
    kind="RETRACTION",
    version=3,
    verify_url="https://reports.example.org/v/5Jd8s0aQ",
    findings="\n".join(
        f"第{line}行：双肺野内未见其他异常密度影，气管及各级支气管通畅。" for line in range(1, 181)
    ),
    key_images=tuple(key_image(number) for number in range(1, 13)),
)

KEY_IMAGES = replace(
    CHINESE,
    key_images=(
        key_image(1, frame_number=1),
        key_image(2, caption="", lossy=False),
        key_image(3, picture=None),
        key_image(
            400, sop_class_uid=UltrasoundMultiFrameImageStorage, frame_number=17, caption="超声\n第二行"
        ),
        key_image(
            500, sop_class_uid=EnhancedMRImageStorage, frame_number=3, series_instance_uid=f"{STUDY}.2"
        ),
    ),
)

ONE_SIGNER = replace(CHINESE, reviewer=None, positivity="NEGATIVE")

MIXED = replace(
    CHINESE,
    findings="患者 ئەركىن 12 mm × 9 mm 结节 2026-05-11",
    impression="Mixed 混合 ئارىلاش.",
    language="zh-CN",
)

CORPUS = {
    "chinese": CHINESE,
    "uyghur": UYGHUR,
    "english": ENGLISH,
    "bare": BARE,
    "rare": RARE,
    "rough": ROUGH,
    "long": LONG,
    "key-images": KEY_IMAGES,
    "one-signer": ONE_SIGNER,
    "mixed": MIXED,
}


def study_header(character_set: str | list[str] | None = "GB18030") -> Dataset:
    """A CT's header; without Chinese where the character set has none."""
    chinese = character_set not in (None, "ISO_IR 100")
    header = Dataset()
    if character_set is not None:
        header.SpecificCharacterSet = character_set
    header.PatientName = "Wang^XiaoDong=王^小东" if chinese else "Wang^XiaoDong"
    header.PatientID = "P0012345"
    header.IssuerOfPatientID = "KASHI"
    header.PatientBirthDate = "19810317"
    header.PatientSex = "M"
    header.PatientAge = "045Y"
    header.StudyInstanceUID = STUDY
    header.StudyDate = "20261122"
    header.StudyTime = "101530.123"
    header.StudyID = "1"
    header.AccessionNumber = "CT2026112201"
    header.ReferringPhysicianName = ""
    header.StudyDescription = "胸部CT平扫" if chinese else "CHEST CT"
    header.SeriesDescription = "not the study's"
    return header

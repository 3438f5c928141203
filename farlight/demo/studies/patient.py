"""The made-up patients and the two hospitals that examined them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hospital:
    """Who made the images: a site's code, its names, and the issuer of its patient numbers."""

    site: str
    name: str
    name_zh: str
    issuer: str
    address: str


@dataclass(frozen=True)
class Patient:
    """A person of one hospital; `name` has up to three PN groups (PS3.5 6.2.1.1)."""

    patient_id: str
    name: str
    sex: str
    birth_date: str
    size_m: str
    weight_kg: str


KASHI = Hospital(
    "KASHI", "Kashi Prefectural First People's Hospital", "喀什地区第一人民医院", "KASHI_FIRST", "新疆喀什市"
)
AKSU = Hospital(
    "AKSU",
    "Aksu Prefectural Second People's Hospital",
    "阿克苏地区第二人民医院",
    "AKSU_SECOND",
    "新疆阿克苏市",
)

MEMET = Patient("K0031877", "Memet^Abdulla=买买提·阿不都拉=مەمەت^ئابدۇلا", "M", "19610314", "1.74", "78")
AYGUL = Patient("K0040212", "Aygul^Tursun=阿依古丽·吐尔逊=ئايگۈل^تۇرسۇن", "F", "19840922", "1.63", "57")
WANG = Patient("A2207315", "Wang^XiaoDong=王^小东", "M", "19720805", "1.71", "74")
LI = Patient("A2210946", "Li^GuiLan=李^桂兰", "F", "19581130", "1.58", "61")
IBRAHIM = Patient("A2214003", "Ibrahim^Qasim=伊布拉音·喀斯木", "M", "19550217", "1.70", "81")

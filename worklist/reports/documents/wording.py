"""The fixed words of a report document, Chinese and English side by side."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One thing said in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} {self.en}"


TITLE = Words("影像诊断报告", "Diagnostic Imaging Report")

# What stands above a report that is not simply the final one.
NOTICES = {
    "PRELIM": Words("初步报告，以正式报告为准", "PRELIMINARY: the formal report prevails"),
    "ADDENDUM": Words("补充报告，与原报告一并阅读", "ADDENDUM: to be read with the earlier report"),
    "CORRECTION": Words("更正报告，取代此前版本", "CORRECTED: replaces the earlier version"),
    "RETRACTION": Words("本报告已作废，请勿作为诊疗依据", "RETRACTED: not to be used for care"),
}

KINDS = {
    "PRELIM": Words("初步报告", "Preliminary"),
    "FINAL": Words("正式报告", "Final"),
    "ADDENDUM": Words("补充报告", "Addendum"),
    "CORRECTION": Words("更正报告", "Corrected"),
    "RETRACTION": Words("作废", "Retracted"),
}

POSITIVITY = {"POSITIVE": Words("阳性", "Positive"), "NEGATIVE": Words("阴性", "Negative")}

# PS3.3 C.7.1.1, Patient's Sex
SEXES = {"M": Words("男", "Male"), "F": Words("女", "Female"), "O": Words("其他", "Other")}

# PS3.5 6.2, Age String
AGE_UNITS = {"Y": Words("岁", "y"), "M": Words("个月", "mo"), "W": Words("周", "wk"), "D": Words("天", "d")}

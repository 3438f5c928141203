"""Text as a DICOM value: within the length and the characters of its VR (PS3.5 6.2)."""

from __future__ import annotations

from worklist.reports.documents.characters import clean, clean_line
from worklist.reports.documents.content import Institution, Signer

_LONGEST_NAME_GROUP = 64


def long_text(text: str) -> str:
    """For UT: lines end with CR LF, as PS3.5 6.1.3 has it."""
    return clean(text).strip("\n").replace("\n", "\r\n")


def short_line(text: str, longest: int = 64) -> str:
    """For LO (64 characters unless told) and SH (16): one line, without the backslash that parts values."""
    return clean_line(text).replace("\\", "/")[:longest].strip()


def institution_name(institution: Institution) -> str:
    """The name in Chinese, or the other one where there is none (LO)."""
    return short_line(institution.name_zh or institution.name or institution.code)


def person_name(signer: Signer) -> str:
    """A PN of the alphabetic and the ideographic name, each whole: which part is the family's is not known."""
    alphabetic, ideographic = _name_group(signer.name), _name_group(signer.name_zh)
    return f"{alphabetic}={ideographic}" if ideographic else alphabetic


def _name_group(name: str) -> str:
    return short_line(name.translate(str.maketrans("^=", "  ")), _LONGEST_NAME_GROUP)

"""The codes a report object uses, with the context group each comes from (PS3.16)."""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

# CID 7000 Diagnostic Imaging Report Document Title
TITLE = codes.cid7000.DiagnosticImagingReport

# CID 7001 heading and CID 7002 element of each section, in the order of reading
SECTIONS = {
    "clinical_info": (codes.cid7001.ClinicalInformation, codes.cid7002.History),
    "technique": (codes.cid7001.CurrentProcedureDescriptions, codes.cid7002.ProcedureDescription),
    "comparison": (codes.cid7001.PriorProcedureDescriptions, codes.cid7002.PreviousFinding),
    "findings": (codes.cid7001.Findings, codes.cid7002.Finding),
    "impression": (codes.cid7001.Impressions, codes.cid7002.Impression),
    "recommendation": (codes.cid7001.Recommendations, codes.cid7002.Recommendation),
}
SUMMARY = (codes.cid7001.Summary, codes.cid7002.Summary)

# TID 2005 rows 5 and 6
KEY_IMAGES = codes.DCM.KeyImages
KEY_OBJECT_DESCRIPTION = codes.DCM.KeyObjectDescription

_LANGUAGES = {
    "zh": "Chinese",
    "en": "English",
    "ug": "Uyghur",
    "kk": "Kazakh",
    "bo": "Tibetan",
    "mn": "Mongolian",
}
_LICENCE_SCHEME = "99LICENCE"
_LONGEST_CODE_VALUE = 16


def language_code(tag: str) -> CodedConcept:
    """CID 5000 Language: an RFC 5646 tag."""
    return CodedConcept(tag, "RFC5646", _LANGUAGES.get(tag.partition("-")[0], tag))


def licence_code(licence_no: str, holder: str) -> Dataset:
    """A person's licence number as an identification code (PS3.3 Table 10-1); a long one is a Long Code Value."""
    item = Dataset()
    if len(licence_no) > _LONGEST_CODE_VALUE:
        item.LongCodeValue = licence_no
    else:
        item.CodeValue = licence_no
    item.CodingSchemeDesignator = _LICENCE_SCHEME
    item.CodeMeaning = holder
    return item


def concept_item(code: Code) -> Dataset:
    """A code as a sequence item (Code Sequence Macro)."""
    return CodedConcept(code.value, code.scheme_designator, code.meaning)

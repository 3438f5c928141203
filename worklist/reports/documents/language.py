"""Which language a report is written in, told by its script."""

from __future__ import annotations

import unicodedata

from worklist.reports.documents.content import ReportDocument
from worklist.reports.documents.wording import Words


def language_of(document: ReportDocument) -> str:
    """RFC 5646 tag: what the document states, else `zh`, `ug` or `en` by the script of its sections."""
    return document.language or _language_of_script(document.body)


def in_language_of(document: ReportDocument, words: Words) -> str:
    """English in an English report; elsewhere both, for the readers are in both hospitals."""
    return words.en if language_of(document).startswith("en") else str(words)


def _language_of_script(text: str) -> str:
    han = sum(1 for character in text if _is_in_script(character, "CJK UNIFIED"))
    arabic = sum(1 for character in text if _is_in_script(character, "ARABIC"))
    # An Uyghur word takes several letters where Chinese takes one or two characters.
    if arabic > 3 * han:
        return "ug"
    return "zh" if han else "en"


def _is_in_script(character: str, script: str) -> bool:
    return unicodedata.name(character, "").startswith(script)

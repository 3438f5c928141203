"""Which language a report is written in, told by its script."""

from __future__ import annotations

import unicodedata

from worklist.reports.documents.content import ReportDocument


def language_of(document: ReportDocument) -> str:
    """RFC 5646 tag: what the document states, else `zh`, `ug` or `en` by the script of its sections."""
    return document.language or _language_of_script(document.body)


def _language_of_script(text: str) -> str:
    han = sum(1 for character in text if _is_in_script(character, "CJK UNIFIED"))
    arabic = sum(1 for character in text if _is_in_script(character, "ARABIC"))
    # An Uyghur word takes several letters where Chinese takes one or two characters.
    if arabic > 3 * han:
        return "ug"
    return "zh" if han else "en"


def _is_in_script(character: str, script: str) -> bool:
    return unicodedata.name(character, "").startswith(script)

"""What the page shows, as values ready to be set: the input of `report.typ`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from worklist.reports.documents.characters import (
    breakable,
    clean_line,
    has_han,
    is_right_to_left,
    keep_measures_in_order,
    paragraphs,
)
from worklist.reports.documents.clock import local_minute
from worklist.reports.documents.content import KeyImage, PersonName, ReportDocument, Signer
from worklist.reports.documents.wording import AGE_UNITS, KINDS, NOTICES, POSITIVITY, SEXES, TITLE, Words

_LONGEST_WORD = 60
_LONGEST_WORD_IN_A_CELL = 22


def page_content(document: ReportDocument) -> dict[str, Any]:
    """Plain JSON values for the template; an absent thing is empty or null."""
    return {
        "title": _words(TITLE),
        "kind": document.kind,
        "kind_words": _words(KINDS[document.kind]),
        "notice": _words(NOTICES.get(document.kind)),
        "reader": _institution(document.reader.name_zh, document.reader.name),
        "requester": _institution(document.requester.name_zh, document.requester.name),
        "names": _names(document.patient_name),
        "identity": _identity(document),
        "sections": _sections(document),
        "positivity": _words(POSITIVITY.get(document.positivity)),
        "key_images": [_key_image(image, index) for index, image in enumerate(document.key_images)],
        "signers": _signers(document),
        "read": _read(document),
        "running": _running_line(document),
        "report_id": clean_line(document.report_id),
        "version": document.version,
        "hash": document.content_hash[:16],
        "signed_at": _date_parts(document.signed_at),
        "verify_url": breakable(clean_line(document.verify_url), _LONGEST_WORD),
    }


def _words(words: Words | None) -> dict[str, str] | None:
    return words._asdict() if words else None


def _institution(name_zh: str, name: str) -> list[str]:
    return [part for part in (_cell(name_zh), _cell(name)) if part]


def _cell(text: str) -> str:
    return keep_measures_in_order(breakable(clean_line(text), _LONGEST_WORD_IN_A_CELL))


def _names(name: PersonName) -> list[str]:
    groups = (_name_group(group) for group in (name.ideographic, name.alphabetic, name.phonetic))
    return list(dict.fromkeys(group for group in groups if group))


def _name_group(group: str) -> str:
    parts = [part for part in clean_line(group).split("^") if part.strip()]
    return _cell(("" if has_han(group) else " ").join(parts))


def _identity(document: ReportDocument) -> dict[str, list[str]]:
    """Cells by their label; a cell is what stands large, then what stands small beside it."""
    cells = {
        "sex": _sex(document.patient_sex),
        "age": _age(document.patient_age),
        "birth_date": [_date(document.patient_birth_date)],
        "patient_id": [_cell(document.patient_id), _cell(document.issuer)],
        "accession_number": [_cell(document.accession_number)],
        "request_number": [_cell(document.request_number)],
        "exam": [_cell(document.study_description)],
        "study_time": [f"{_date(document.study_date)} {_time(document.study_time)}".strip()],
        "modality": [_cell(" ".join((*document.modalities, document.body_part)))],
    }
    return {label: [part for part in parts if part] for label, parts in cells.items()}


def _sex(sex: str) -> list[str]:
    return list(SEXES.get(sex, (_cell(sex),)))


def _age(age: str) -> list[str]:
    known = re.fullmatch(r"(\d{3})([DWMY])", age.strip())
    if not known:
        return [_cell(age)]
    number, unit = int(known[1]), AGE_UNITS[known[2]]
    return [f"{number}{unit.zh}", f"{number} {unit.en}"]


def _date(value: str) -> str:
    known = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", value.strip())
    return "-".join(known.groups()) if known else _cell(value)


def _time(value: str) -> str:
    known = re.match(r"(\d\d)(\d\d)", value.strip())
    return ":".join(known.groups()) if known else _cell(value)


def _read(document: ReportDocument) -> dict[str, int]:
    series = {item.series_instance_uid for item in document.evidence}
    return {"images": len(document.evidence), "series": len(series)}


def _sections(document: ReportDocument) -> list[dict[str, Any]]:
    texts = {
        "clinical_info": document.clinical_info,
        "technique": document.technique,
        "comparison": document.comparison,
        "findings": document.findings,
        "impression": document.impression,
        "recommendation": document.recommendation,
    }
    written = ((label, paragraphs(text)) for label, text in texts.items())
    return [
        {"label": label, "paragraphs": [_paragraph(line) for line in lines]}
        for label, lines in written
        if lines
    ]


def _paragraph(line: str) -> dict[str, Any]:
    right_to_left = is_right_to_left(line)
    indent = len(line) - len(line.lstrip(" "))
    return {
        "text": keep_measures_in_order(breakable(line.lstrip(" "), _LONGEST_WORD)),
        "indent": min(indent, 16),
        "right_to_left": right_to_left,
        "language": "ug" if right_to_left else "zh" if has_han(line) else "en",
    }


def _key_image(image: KeyImage, index: int) -> dict[str, Any]:
    return {
        "number": index + 1,
        "caption": _cell(image.caption),
        "frame_number": image.stated_frame_number,
        "lossy": image.lossy,
    }


def _signers(document: ReportDocument) -> list[dict[str, Any]]:
    signers = [("author", document.author)]
    if document.reviewer:
        signers.append(("reviewer", document.reviewer))
    return [_signer(role, signer, document.timezone) for role, signer in signers]


def _signer(role: str, signer: Signer, timezone: str) -> dict[str, Any]:
    return {
        "role": role,
        "names": [part for part in (_cell(signer.name_zh), _cell(signer.name)) if part],
        "licence_no": _cell(signer.licence_no),
        "at": local_minute(signer.at, timezone),
    }


def _running_line(document: ReportDocument) -> list[str]:
    """Who the page belongs to, repeated on every page after the first."""
    name = " ".join(_names(document.patient_name)[:2])
    parts = (name, document.patient_id, document.accession_number, _date(document.study_date))
    return [_cell(part) for part in parts if part]


def _date_parts(at: datetime) -> list[int]:
    return [at.year, at.month, at.day, at.hour, at.minute, at.second]

"""The report on paper: A4, both languages, embedded typefaces, the same bytes for the same version."""

from __future__ import annotations

import io
import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import typst
from PIL import Image

from storage.errors import Invalid
from worklist.reports.documents.characters import showable
from worklist.reports.documents.content import KeyImage, ReportDocument
from worklist.reports.documents.fonts import fonts, typefaces
from worklist.reports.documents.page import page_content

TEMPLATE = Path(__file__).parent / "report.typ"

# PDF/A for long keeping; level U so that every glyph maps back to its character.
PDF_STANDARD: Final = "a-2u"


def report_pdf(document: ReportDocument) -> bytes:
    """The printed report as PDF/A-2u.

    Raises `Unavailable` when typefaces are missing and `Invalid` when a key image's picture is no JPEG.
    """
    return typst.compile(
        TEMPLATE.read_bytes(),
        sys_inputs={"report": _as_json(document)},
        format="pdf",
        font_paths=fonts(),
        ignore_system_fonts=True,
        pdf_standards=PDF_STANDARD,
        timestamp=document.signed_at,
    )


def _as_json(document: ReportDocument) -> str:
    shown = partial(showable, typefaces=typefaces())
    content = _on_all_text(page_content(document), shown)
    # As numbers, because the compiler is given only text, and a patient's picture stays off the disk.
    content["pictures"] = [_picture(image, index) for index, image in enumerate(document.key_images)]
    return json.dumps(content, ensure_ascii=False)


def _on_all_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _on_all_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_on_all_text(item, change) for item in value]
    return value


def _picture(image: KeyImage, index: int) -> list[int] | None:
    if image.picture is None:
        return None
    try:
        with Image.open(io.BytesIO(image.picture), formats=["JPEG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise Invalid(
            f"the picture of key image {index + 1} is not a JPEG",
            code="KEY_IMAGE_UNREADABLE",
            sop_instance_uid=image.sop_instance_uid,
        ) from error
    return list(image.picture)

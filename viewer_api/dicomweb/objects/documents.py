"""Encapsulated documents, given as what they are (PS3.3 A.45, A.85, A.114; PS3.18 Table 8.7.4-1)."""

from __future__ import annotations

from fastapi import Response

from storage.archive import Archive
from storage.bulkdata import bulk_value
from storage.errors import Error, Invalid
from storage.retrieve import StoredInstance, first_value
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.bulkdata import DOCUMENT, PDF, document_bytes
from viewer_api.dicomweb.objects.ask import Ask, Renderer
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.render import Picture
from viewer_api.render.pdf_page import pdf_picture

TYPE_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.104.1": PDF,
    "1.2.840.10008.5.1.4.1.1.104.2": "text/xml",
    "1.2.840.10008.5.1.4.1.1.104.3": "model/stl",
    "1.2.840.10008.5.1.4.1.1.104.4": "model/obj",
    "1.2.840.10008.5.1.4.1.1.104.5": "model/mtl",
}
_TODAY = {"application/sla": "model/stl", "application/xml": "text/xml", "text/xml": "text/xml"}
_GIVEN = frozenset(TYPE_OF_CLASS.values())
"""Nothing else: a page or a script that somebody put into a document would run as one of ours."""
_ASLEEP = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
_MAX_SHOWN_BYTES = 64 << 20


def document_type(archive: Archive, found: StoredInstance) -> str:
    """What the document says it is (0042,0012), what its SOP class says where it says nothing; empty for others."""
    said = str(first_value(archive, found, "00420012") or "").partition(";")[0].strip().lower()
    known = _TODAY.get(said, said) or TYPE_OF_CLASS.get(found.sop_class_uid, "")
    return known if known in _GIVEN else ""


def document(ask: Ask) -> Response:
    """The document's own bytes. Raises `Invalid` ``NOT_RENDERABLE`` for types that no browser should open."""
    media_type = document_type(ask.archive, ask.found)
    if not media_type or ask.frame_number is not None:
        raise Invalid("this kind of object cannot be shown as a picture or a page", code="NOT_RENDERABLE")
    choose(ask.request, [media_type])
    headers = {} if media_type == PDF else _ASLEEP
    return ask.answer(lambda: _content(ask), media_type, headers=headers)


def first_page(ask: Ask, rendering: Rendering) -> Picture | None:
    """Of a PDF that can be read."""
    if document_type(ask.archive, ask.found) != PDF or ask.found.length > _MAX_SHOWN_BYTES:
        return None
    try:
        return pdf_picture(_content(ask), rendering.options)
    except Error:
        return None


def _content(ask: Ask) -> bytes:
    return document_bytes(ask.archive, ask.found, bulk_value(ask.archive, ask.found, DOCUMENT).data)


DOCUMENTS = Renderer(document, first_page, symbol="page")

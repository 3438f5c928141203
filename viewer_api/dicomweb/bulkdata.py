"""WADO-RS bulk data: what metadata refers to by BulkDataURI (PS3.18 10.4.1.1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.archive import Archive
from storage.bulkdata import bulk_value
from storage.errors import Invalid, NotFound
from storage.frames import PixelLayout
from storage.kept_bytes import kept_chunks
from storage.retrieve import StoredInstance, first_value
from viewer_api.dicomweb.accept import MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.caching import IMMUTABLE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.frames import FrameForm, form_for, frames_response, require_frames
from viewer_api.dicomweb.holdings import one_instance
from viewer_api.dicomweb.media_types import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    OCTET_STREAM,
    is_native,
)
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.native_frames import native_frame
from viewer_api.dicomweb.routes import INSTANCE, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
PIXELS = frozenset({"7FE00008", "7FE00009", "7FE00010"})
DOCUMENT = "00420011"
PDF = "application/pdf"
_PATH = re.compile(r"[0-9A-F]{8}(/[0-9]{1,9}/[0-9A-F]{8})*")


@get(router, INSTANCE + "/bulkdata/{path:path}")
def retrieve_bulkdata(
    study: str, series: str, instance: str, path: str, request: Request, caller: CallerHere
) -> Response:
    """One value, by its tag, or by tag/item/tag in sequences."""
    found = one_instance(caller, study, series, instance)
    viewed(caller, found)
    path = path.upper()
    if not _PATH.fullmatch(path):
        raise Invalid("bulk data are named by a tag, or tag/item/tag in sequences, items counted from 0")
    if path in PIXELS:
        return _pixels(request, caller.archive, found, path)
    wanted, media_type = _choose(request, caller.archive, found, path)
    tag = entity_tag("bulkdata", found.sha256, path, media_type, wanted.multipart)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    data = bulk_value(caller.archive, found, path).data
    if media_type == PDF:
        data = document_bytes(caller.archive, found, data)
    headers = cache_headers(tag, IMMUTABLE)
    if wanted.multipart:
        syntax = EXPLICIT_VR_LITTLE_ENDIAN if media_type == OCTET_STREAM else ""
        return multipart_response([Part(media_type, syntax, data)], media_type, headers)
    return Response(data, media_type=media_type, headers=headers)


def is_pdf(archive: Archive, found: StoredInstance) -> bool:
    """Whether the instance holds a document that says it is PDF."""
    said = first_value(archive, found, "00420012")
    return isinstance(said, str) and said.strip().lower() == PDF


def document_bytes(archive: Archive, found: StoredInstance, data: bytes) -> bytes:
    """Without the byte that made the length even, if (0042,0015) EncapsulatedDocumentLength tells the true one."""
    length = first_value(archive, found, "00420015")
    return data[:-1] if length == len(data) - 1 else data


def _choose(request: Request, archive: Archive, found: StoredInstance, path: str) -> tuple[MediaRange, str]:
    """PDF for those who accept it where it is one, octets else. Raises `Invalid` ``NOT_ACCEPTABLE``."""
    offered = [PDF, OCTET_STREAM] if path == DOCUMENT and is_pdf(archive, found) else [OCTET_STREAM]
    for wanted in accepted(request):
        for media_type in offered:
            if wanted.covers(media_type):
                return wanted, media_type
    raise not_acceptable(offered)


def _pixels(request: Request, archive: Archive, found: StoredInstance, path: str) -> Response:
    """All frames: one value if they are native, one part each if they are not (PS3.18 8.7.3.3)."""
    layout = found.layout
    if layout is None:
        raise NotFound("this instance has no pixels")
    for wanted in accepted(request):
        form = form_for(wanted, found.transfer_syntax_uid)
        if form is not None:
            break
    else:
        raise not_acceptable([OCTET_STREAM])
    tag = entity_tag("bulkdata", found.sha256, path, form)
    unchanged = not_modified(request, tag, IMMUTABLE)
    return unchanged or _all_frames(archive, found, layout, form, cache_headers(tag, IMMUTABLE))


def _all_frames(
    archive: Archive, found: StoredInstance, layout: PixelLayout, form: FrameForm, headers: dict[str, str]
) -> Response:
    numbers = list(range(1, layout.number_of_frames + 1))
    if not is_native(found.transfer_syntax_uid) and form.multipart:
        require_frames(found, numbers)
        return frames_response(archive, found, numbers, form, headers)
    content = _whole_value(archive, found, layout, numbers, form)
    if form.multipart:
        return multipart_response(
            iter([Part(form.media_type, form.transfer_syntax_uid, content)]), form.media_type, headers
        )
    media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax_uid}"
    return StreamingResponse(content, media_type=media_type, headers=headers)


def _whole_value(
    archive: Archive, found: StoredInstance, layout: PixelLayout, numbers: list[int], form: FrameForm
) -> Iterator[bytes]:
    """Pieces of the pixel data element's value as it would be in Explicit VR Little Endian."""
    as_it_lies = is_native(found.transfer_syntax_uid) and found.transfer_syntax_uid not in (
        EXPLICIT_VR_BIG_ENDIAN,
        DeflatedExplicitVRLittleEndian,
    )
    if as_it_lies:
        return kept_chunks(archive.blobs, found, found.dataset_offset + layout.offset, layout.length)
    if not form.native:
        raise not_acceptable([f'multipart/related; type="{form.media_type}"'])
    require_frames(found, numbers)
    return (native_frame(archive, found, number) for number in numbers)

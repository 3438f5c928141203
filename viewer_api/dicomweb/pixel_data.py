"""WADO-RS pixel data: all frames of an instance, a series, a study (PS3.18 10.4.1.1.6), and the value that metadata
refer to as (7FE0,0010).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fastapi import APIRouter, Request, Response
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.archive import Archive
from storage.errors import NotFound
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.frames import (
    FrameForm,
    form_for,
    frame_parts,
    frame_readings,
    offered_forms,
    require_frames,
    stored_form,
)
from viewer_api.dicomweb.holdings import one_instance, series_instances, study_instances
from viewer_api.dicomweb.kept_pieces import kept_pieces
from viewer_api.dicomweb.media_types import EXPLICIT_VR_BIG_ENDIAN, is_native
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.ranges import in_one_part, whole_or_range
from viewer_api.dicomweb.reading_ahead import Reading, read_in_order
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.streamed import Streamed
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()


@get(router, STUDY + "/pixeldata")
def study_pixel_data(study: str, request: Request, caller: CallerHere) -> Response:
    """Every frame of a study, one part each, in reading order."""
    return _several(request, caller, study_instances(caller, study))


@get(router, SERIES + "/pixeldata")
def series_pixel_data(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every frame of a series, one part each, in reading order."""
    return _several(request, caller, series_instances(caller, study, series))


@get(router, INSTANCE + "/pixeldata")
def instance_pixel_data(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """Every frame of an instance."""
    found = one_instance(caller, study, series, instance)
    viewed(caller, found)
    return pixel_data(request, caller.archive, found)


def pixel_data(request: Request, archive: Archive, found: StoredInstance) -> Response:
    """All frames of one instance: one value if they are native, one part each if they are not (PS3.18 8.7.3.3)."""
    layout = found.layout
    if layout is None:
        raise NotFound("this instance has no pixels")
    form = _form(accepted(request), found)
    tag = entity_tag("pixels", found.sha256, form)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, IMMUTABLE)
    if form.multipart and _lies_native(found):
        part = Part(form.media_type, form.transfer_syntax_uid, b"")
        return in_one_part(request, part, partial(_lying, archive, found), layout.length, headers)
    if form.multipart:
        return multipart_response(list(_value_parts(archive, found, form)), form.media_type, headers)
    media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax_uid}"
    if _lies_native(found):
        pieces = partial(_lying, archive, found)
        return whole_or_range(request, pieces, layout.length, media_type=media_type, headers=headers)
    if not form.native:
        raise not_acceptable([f'{MULTIPART}; type="{form.media_type}"'])
    frames = _frames(archive, found, form)
    return Streamed(read_in_order(frames), media_type=media_type, headers=headers)


def pixel_parts(archive: Archive, found: StoredInstance, location: str) -> Iterator[Part]:
    """All frames of one instance in parts, as they are stored; none where they cannot be told apart."""
    layout = found.layout
    if layout is not None and not layout.problem:
        form = stored_form(found.transfer_syntax_uid, multipart=True)
        yield from _value_parts(archive, found, form, location)


def _several(request: Request, caller: Caller, found: list[StoredInstance]) -> Response:
    images = [each for each in found if each.packed_layout is not None]
    if not images:
        raise NotFound("none of these instances has pixels")
    ranges = [wanted for wanted in accepted(request) if wanted.multipart or wanted.media_type == "*/*"]
    forms = [_form(ranges, each) for each in images]
    viewed(caller, images[0])
    base = base_url(request, images[0].site)
    tag = entity_tag("pixels", base, *forms, *(each.sha256 for each in images))
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    parts = _parts_of_all(caller.archive, list(zip(images, forms, strict=True)), base)
    return multipart_response(parts, forms[0].media_type, cache_headers(tag, REVALIDATE))


def _parts_of_all(
    archive: Archive, images: list[tuple[StoredInstance, FrameForm]], base: str
) -> Iterator[Part]:
    """Each frame under its own address, so that a client knows whose it is."""
    for found, form in images:
        uids = found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid
        address = instance_url(base, *uids) + "/frames/{}"
        yield from frame_parts(archive, found, _numbers(found), form, address)


def _form(ranges: list[MediaRange], found: StoredInstance) -> FrameForm:
    """The form of this instance's frames that is wanted most. Raises `Invalid` ``NOT_ACCEPTABLE``."""
    for wanted in ranges:
        form = form_for(wanted, found.transfer_syntax_uid)
        if form is not None:
            return form
    raise not_acceptable(offered_forms(found.transfer_syntax_uid))


def _numbers(found: StoredInstance) -> list[int]:
    """Of all frames. Raises `Invalid` where they cannot be told apart."""
    layout = found.layout
    numbers = list(range(1, layout.number_of_frames + 1)) if layout else []
    require_frames(found, numbers[:1])
    return numbers


def _value_parts(
    archive: Archive, found: StoredInstance, form: FrameForm, location: str = ""
) -> Iterator[Part]:
    """The pixel data element's value, in one part if it is native."""
    layout = found.layout
    if layout is None:
        return
    if not is_native(found.transfer_syntax_uid):
        yield from frame_parts(archive, found, _numbers(found), form, location)
    elif _lies_native(found):
        content = _lying(archive, found, 0, layout.length)
        yield Part(form.media_type, form.transfer_syntax_uid, content, location, layout.length)
    else:
        yield Part(form.media_type, form.transfer_syntax_uid, _frames(archive, found, form), location)


def _lies_native(found: StoredInstance) -> bool:
    """Whether the value is in the file as it would be in Explicit VR Little Endian."""
    turned = (EXPLICIT_VR_BIG_ENDIAN, DeflatedExplicitVRLittleEndian)
    return is_native(found.transfer_syntax_uid) and found.transfer_syntax_uid not in turned


def _lying(archive: Archive, found: StoredInstance, start: int, size: int) -> Iterator[Reading]:
    offset = found.layout.offset if found.layout else 0
    return kept_pieces(archive, found, found.dataset_offset + offset + start, size)


def _frames(archive: Archive, found: StoredInstance, form: FrameForm) -> Iterator[Reading]:
    """Their contents, one after the other."""
    return frame_readings(archive, found, _numbers(found), form)

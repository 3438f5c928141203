"""WADO-RS frames: as stored, or uncompressed (PS3.18 10.4.1.1.6, 8.7.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, Response
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.archive import Archive
from storage.errors import Invalid, NotFound
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.caching import IMMUTABLE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.holdings import one_instance
from viewer_api.dicomweb.media_types import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    OCTET_STREAM,
    frame_media_type,
    is_native,
)
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.native_frames import inflated_frames, stored_frame, uncompressed
from viewer_api.dicomweb.ranges import whole_or_range
from viewer_api.dicomweb.reading_ahead import Reading
from viewer_api.dicomweb.routes import INSTANCE, CallerHere, get
from viewer_api.dicomweb.video import is_video, require_video_frame, video_response
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
_MAX_FRAMES = 10_000

FrameReader = Callable[[int], bytes]


@dataclass(frozen=True)
class FrameForm:
    """How frames are given: `transfer_syntax_uid` names their encoding, `media_type` the kind of each part."""

    media_type: str
    transfer_syntax_uid: str
    multipart: bool

    @property
    def native(self) -> bool:
        """Whether they are uncompressed and little endian."""
        return self.transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN

    @property
    def decodable(self) -> bool:
        """Whether these frames can be given uncompressed: not video, and no private encodings."""
        return self.native or self.media_type.startswith("image/")


@get(router, INSTANCE + "/frames/{frames}")
def retrieve_frames(
    study: str, series: str, instance: str, frames: str, request: Request, caller: CallerHere
) -> Response:
    """Frames by number, counted from 1, with commas between."""
    numbers = frame_numbers(frames)
    found = one_instance(caller, study, series, instance)
    if is_video(found):
        require_video_frame(frames)
        return video_response(request, caller, found)
    require_frames(found, numbers)
    form = _choose(accepted(request), found.transfer_syntax_uid, single=len(numbers) == 1)
    viewed(caller, found)
    tag = entity_tag("frames", found.sha256, frames, form)
    return not_modified(request, tag, IMMUTABLE) or frames_response(
        request, caller.archive, found, numbers, form, cache_headers(tag, IMMUTABLE)
    )


def frame_numbers(text: str) -> list[int]:
    """Raises `Invalid` for anything but numbers from 1."""
    words = text.split(",")
    if len(words) > _MAX_FRAMES or not all(w.isascii() and w.isdigit() and 0 < len(w) < 10 for w in words):
        raise Invalid("frames are named by numbers from 1, with commas between")
    numbers = [int(word) for word in words]
    if 0 in numbers:
        raise Invalid("frames are counted from 1")
    return numbers


def require_frames(found: StoredInstance, numbers: list[int]) -> None:
    """Raises `NotFound` before anything is sent."""
    layout = found.layout
    if layout is None:
        raise NotFound("this instance has no pixels")
    for number in numbers:
        layout.frame(number)


def frames_response(
    request: Request,
    archive: Archive,
    found: StoredInstance,
    numbers: list[int],
    form: FrameForm,
    headers: dict[str, str],
) -> Response:
    """One frame in one piece, or the range of it that is asked for; of several each is read, and decoded, ahead."""
    read = _reader(archive, found, form)
    if not form.multipart:
        return _single(request, read(numbers[0]), form, headers)
    if len(numbers) == 1:
        part = Part(form.media_type, form.transfer_syntax_uid, read(numbers[0]))
        return multipart_response([part], form.media_type, headers)
    return multipart_response(frame_parts(archive, found, numbers, form), form.media_type, headers)


def frame_parts(
    archive: Archive, found: StoredInstance, numbers: list[int], form: FrameForm, location: str = ""
) -> Iterator[Part]:
    """A part for each of `numbers`, in their order and as often as they are there; ``{}`` in `location` is the
    frame's number."""
    readings = frame_readings(archive, found, numbers, form)
    for number, reading in zip(numbers, readings, strict=True):
        yield Part(form.media_type, form.transfer_syntax_uid, reading, location.format(number))


def frame_readings(
    archive: Archive, found: StoredInstance, numbers: list[int], form: FrameForm
) -> Iterator[Reading]:
    """The same frames without anything around them, to be read, and decoded, ahead."""
    read, layout = _reader(archive, found, form, many=True), found.layout
    decoded = (found.rows or 0) * (found.columns or 0) * 2
    for number in numbers:
        place = layout.frame(number) if layout else None
        size = place.end - place.start if place else 0
        yield Reading(max(decoded, size) if form.native else size, partial(read, number))


def _single(request: Request, frame: bytes, form: FrameForm, headers: dict[str, str]) -> Response:
    media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax_uid}"
    if "range" not in request.headers:
        return Response(frame, media_type=media_type, headers={**headers, "Accept-Ranges": "bytes"})

    def pieces(start: int, size: int) -> list[bytes]:
        return [frame[start : start + size]]

    return whole_or_range(request, pieces, len(frame), media_type=media_type, headers=headers)


def _reader(archive: Archive, found: StoredInstance, form: FrameForm, *, many: bool = False) -> FrameReader:
    """Gives one frame by its number. Of a deflated instance any frame costs all that lies before it."""
    deflated = many and found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    stored = inflated_frames(archive, found) if deflated else partial(stored_frame, archive, found)

    def read(number: int) -> bytes:
        frame = stored(number)
        if not form.native:
            return frame.data
        try:
            return uncompressed(archive, found, number, frame)
        except Invalid as why:
            if why.code != "NOT_RENDERABLE":
                raise
            as_stored = stored_form(found.transfer_syntax_uid, multipart=True)
            raise not_acceptable([_spelled(as_stored)]) from why

    return read


def stored_form(transfer_syntax_uid: str, *, multipart: bool) -> FrameForm:
    """As stored. Native frames are the same bytes in every little endian syntax, which explicit VR stands for."""
    if is_native(transfer_syntax_uid):
        return FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, multipart)
    return FrameForm(frame_media_type(transfer_syntax_uid), transfer_syntax_uid, multipart)


def _choose(ranges: list[MediaRange], stored_syntax: str, *, single: bool) -> FrameForm:
    """Raises `Invalid` ``NOT_ACCEPTABLE``."""
    for wanted in ranges:
        form = form_for(wanted, stored_syntax)
        if form is not None and (form.multipart or single):
            return form
    raise not_acceptable(offered_forms(stored_syntax))


def offered_forms(stored_syntax: str) -> list[str]:
    """In which frames of that transfer syntax can be had, as an Accept header names them."""
    stored = stored_form(stored_syntax, multipart=True)
    native = FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, multipart=True)
    return [_spelled(form) for form in (stored, native) if form is stored or stored.decodable]


def form_for(wanted: MediaRange, stored_syntax: str) -> FrameForm | None:
    """The form that one range asks for, None if it cannot be given. Nothing is compressed that was not."""
    multipart = wanted.multipart or wanted.media_type == "*/*"
    stored = stored_form(stored_syntax, multipart=multipart)
    syntax = wanted.transfer_syntax
    if wanted.covers("*/*") and not syntax and not stored.decodable:
        return stored
    if wanted.covers(OCTET_STREAM):
        if syntax in ("", EXPLICIT_VR_LITTLE_ENDIAN):
            return FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, multipart)
        same_bytes = stored.native and is_native(syntax) and syntax != EXPLICIT_VR_BIG_ENDIAN
        return stored if syntax in ("*", stored_syntax) or same_bytes else None
    fits = wanted.covers(stored.media_type) and syntax in ("", "*", stored_syntax)
    return stored if fits else None


def _spelled(form: FrameForm) -> str:
    return f'{MULTIPART}; type="{form.media_type}"; transfer-syntax={form.transfer_syntax_uid}'

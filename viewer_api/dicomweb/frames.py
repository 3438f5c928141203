"""WADO-RS frames: as stored, or uncompressed (PS3.18 10.4.1.1.6, 8.7.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from fastapi import APIRouter, Request, Response

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
from viewer_api.dicomweb.native_frames import native_frame, stored_frame
from viewer_api.dicomweb.routes import INSTANCE, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
_MAX_FRAMES = 10_000


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
    require_frames(found, numbers)
    form = _choose(accepted(request), found.transfer_syntax_uid, single=len(numbers) == 1)
    viewed(caller, found)
    tag = entity_tag("frames", found.sha256, frames, form)
    return not_modified(request, tag, IMMUTABLE) or frames_response(
        caller.archive, found, numbers, form, cache_headers(tag, IMMUTABLE)
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
    archive: Archive, found: StoredInstance, numbers: list[int], form: FrameForm, headers: dict[str, str]
) -> Response:
    """One frame in one piece; of several the first is made before the answer begins, so that it can still fail."""
    read = _reader(archive, found, form)
    if not form.multipart:
        media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax_uid}"
        return Response(read(numbers[0]), media_type=media_type, headers=headers)
    first = Part(form.media_type, form.transfer_syntax_uid, read(numbers[0]))
    if len(numbers) == 1:
        return multipart_response([first], form.media_type, headers)
    return multipart_response(chain([first], _parts(read, numbers[1:], form)), form.media_type, headers)


def _parts(read: Callable[[int], bytes], numbers: list[int], form: FrameForm) -> Iterator[Part]:
    for number in numbers:
        yield Part(form.media_type, form.transfer_syntax_uid, read(number))


def _reader(archive: Archive, found: StoredInstance, form: FrameForm) -> Callable[[int], bytes]:
    def read(number: int) -> bytes:
        if not form.native:
            return stored_frame(archive, found, number).data
        try:
            return native_frame(archive, found, number)
        except Invalid as why:
            if why.code != "NOT_RENDERABLE":
                raise
            stored = stored_form(found.transfer_syntax_uid, multipart=True)
            raise not_acceptable([_spelled(stored)]) from why

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
    native = FrameForm(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, multipart=True)
    raise not_acceptable([_spelled(stored_form(stored_syntax, multipart=True)), _spelled(native)])


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

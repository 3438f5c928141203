"""WADO-RS thumbnails (PS3.18 10.4.1.1.4). There always is one: what has no picture gets a card with its modality."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Request, Response

from storage.errors import Invalid
from storage.retrieve import StoredInstance, first_value
from viewer_api.access import Caller
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.card import card
from viewer_api.dicomweb.frames import require_frames
from viewer_api.dicomweb.holdings import middle_image, one_instance
from viewer_api.dicomweb.objects.ask import Ask
from viewer_api.dicomweb.objects.registry import renderer_of
from viewer_api.dicomweb.parameters import DESCRIBED, Rendering, read_rendering
from viewer_api.dicomweb.pictures import picture, representative_frame_number
from viewer_api.dicomweb.rendered import one_frame
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.render import Picture

router = APIRouter()


@get(router, STUDY + "/thumbnail", parameters=DESCRIBED)
def study_thumbnail(study: str, request: Request, caller: CallerHere) -> Response:
    """The middle image of the series with most frames."""
    return _thumbnail(request, caller, middle_image(caller, study), None, REVALIDATE)


@get(router, SERIES + "/thumbnail", parameters=DESCRIBED)
def series_thumbnail(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """The middle image of a series."""
    return _thumbnail(request, caller, middle_image(caller, study, series), None, REVALIDATE)


@get(router, INSTANCE + "/thumbnail", parameters=DESCRIBED)
def instance_thumbnail(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """The frame of an instance that it names as representative, else the middle one."""
    return _thumbnail(request, caller, one_instance(caller, study, series, instance), None, IMMUTABLE)


@get(router, INSTANCE + "/frames/{frames}/thumbnail", parameters=DESCRIBED)
def frame_thumbnail(
    study: str, series: str, instance: str, frames: str, request: Request, caller: CallerHere
) -> Response:
    """One frame, by its number from 1."""
    found = one_instance(caller, study, series, instance)
    number = one_frame(frames)
    require_frames(found, [number])
    return _thumbnail(request, caller, found, number, IMMUTABLE)


def _thumbnail(
    request: Request, caller: Caller, found: StoredInstance, frame_number: int | None, control: str
) -> Response:
    number = frame_number or _representative(caller, found)
    rendering = read_rendering(request, thumbnail=True)
    special = renderer_of(caller.archive, found)
    if special is not None and not special.settled:
        return _unsettled(Ask(request, caller, found, frame_number, REVALIDATE), number, rendering)
    tag = entity_tag("thumbnail", found.sha256, number, rendering)
    unchanged = not_modified(request, tag, control)
    if unchanged is not None:
        return unchanged
    made = _picture_or_card(Ask(request, caller, found, frame_number, control), number, rendering)
    return Response(made.content, media_type=made.media_type, headers=cache_headers(tag, control))


def _unsettled(ask: Ask, number: int, rendering: Rendering) -> Response:
    """What depends on other instances than its own is known by its content alone."""
    made = _picture_or_card(ask, number, rendering)
    tag = entity_tag("thumbnail", hashlib.sha256(made.content).hexdigest())
    unchanged = not_modified(ask.request, tag, ask.control)
    headers = cache_headers(tag, ask.control)
    return unchanged or Response(made.content, media_type=made.media_type, headers=headers)


def _representative(caller: Caller, found: StoredInstance) -> int:
    """The frame that the object names itself, else the middle one."""
    named = representative_frame_number(caller.archive, found)
    return named or found.number_of_frames // 2 + 1


def _picture_or_card(ask: Ask, number: int, rendering: Rendering) -> Picture:
    special = renderer_of(ask.archive, ask.found)
    symbol = special.symbol if special else ""
    try:  # broken or unknown pixels: the place in a list stays, opening the image tells why
        made = (
            special.thumbnail(ask, rendering)
            if special
            else picture(ask.archive, ask.found, number, rendering)
        )
    except Invalid:
        made = None
    modality = str(first_value(ask.archive, ask.found, "00080060") or "?")
    return made or card(modality, rendering.options, symbol)

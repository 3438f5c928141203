"""WADO-RS rendered resources (PS3.18 10.4.1.1.3): pictures, documents, and structured reports as a page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.frames import frame_numbers, require_frames
from viewer_api.dicomweb.holdings import middle_image, one_instance
from viewer_api.dicomweb.objects.ask import Ask
from viewer_api.dicomweb.objects.registry import renderer_for
from viewer_api.dicomweb.parameters import read_rendering
from viewer_api.dicomweb.pictures import picture, representative_frame
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()


@get(router, STUDY + "/rendered")
def render_study(study: str, request: Request, caller: CallerHere) -> Response:
    """The middle image of the first series that has images."""
    return _rendered(request, caller, middle_image(caller, study), None, REVALIDATE)


@get(router, SERIES + "/rendered")
def render_series(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """The middle image of a series."""
    return _rendered(request, caller, middle_image(caller, study, series), None, REVALIDATE)


@get(router, INSTANCE + "/rendered")
def render_instance(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """An image, its representative frame; other objects as `viewer_api.dicomweb.objects` shows them."""
    return _rendered(request, caller, one_instance(caller, study, series, instance), None, IMMUTABLE)


@get(router, INSTANCE + "/frames/{frames}/rendered")
def render_frames(
    study: str, series: str, instance: str, frames: str, request: Request, caller: CallerHere
) -> Response:
    """One frame, by its number from 1."""
    found = one_instance(caller, study, series, instance)
    return _rendered(request, caller, found, one_frame(frames), IMMUTABLE)


def one_frame(text: str) -> int:
    """Raises `Invalid` for a list: a picture is of one frame."""
    numbers = frame_numbers(text)
    if len(numbers) > 1:
        raise Invalid("a picture shows one frame: ask for each by itself")
    return numbers[0]


def _rendered(
    request: Request, caller: Caller, found: StoredInstance, frame_number: int | None, control: str
) -> Response:
    special = renderer_for(request, caller.archive, found)
    if special is not None:
        return special.rendered(Ask(request, caller, found, frame_number, control))
    number = frame_number or representative_frame(caller.archive, found)
    require_frames(found, [number])
    rendering = read_rendering(request)
    viewed(caller, found)
    tag = entity_tag("rendered", found.sha256, number, rendering)
    unchanged = not_modified(request, tag, control)
    if unchanged is not None:
        return unchanged
    made = picture(caller.archive, found, number, rendering)
    return Response(made.content, media_type=made.media_type, headers=cache_headers(tag, control))

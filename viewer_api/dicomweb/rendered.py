"""WADO-RS rendered resources (PS3.18 10.4.1.1.3): pictures, documents, and structured reports as a page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.frames import frame_numbers, require_frames
from viewer_api.dicomweb.holdings import middle_image, one_instance, series_instances, study_instances
from viewer_api.dicomweb.objects.ask import Ask
from viewer_api.dicomweb.objects.registry import renderer_for
from viewer_api.dicomweb.parameters import DESCRIBED, read_rendering
from viewer_api.dicomweb.pictures import picture, representative_frame
from viewer_api.dicomweb.rendered_many import many_wanted, rendered_many, shown_frames
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()


@get(router, STUDY + "/rendered", parameters=DESCRIBED)
def render_study(study: str, request: Request, caller: CallerHere) -> Response:
    """The picture that stands for a study; all of them, as parts or moving, for those who ask for that."""
    many = many_wanted(request)
    if many is None:
        return _rendered(request, caller, middle_image(caller, study), None, REVALIDATE)
    shown = shown_frames(caller.archive, study_instances(caller, study))
    return rendered_many(request, caller, shown, many, REVALIDATE)


@get(router, SERIES + "/rendered", parameters=DESCRIBED)
def render_series(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """The middle image of a series; all of them, as parts or moving, for those who ask for that."""
    many = many_wanted(request)
    if many is None:
        return _rendered(request, caller, middle_image(caller, study, series), None, REVALIDATE)
    shown = shown_frames(caller.archive, series_instances(caller, study, series))
    return rendered_many(request, caller, shown, many, REVALIDATE)


@get(router, INSTANCE + "/rendered", parameters=DESCRIBED)
def render_instance(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """An image, its representative frame, or all of its frames as parts or moving; other objects as
    `viewer_api.dicomweb.objects` shows them."""
    return _of_instance(request, caller, one_instance(caller, study, series, instance), None)


@get(router, INSTANCE + "/frames/{frames}/rendered", parameters=DESCRIBED)
def render_frames(
    study: str, series: str, instance: str, frames: str, request: Request, caller: CallerHere
) -> Response:
    """One frame, by its number from 1; several, with commas between, as parts or moving."""
    found = one_instance(caller, study, series, instance)
    return _of_instance(request, caller, found, frame_numbers(frames))


def one_frame(text: str) -> int:
    """Raises `Invalid` for a list: a picture is of one frame."""
    return _one(frame_numbers(text))


def _one(numbers: list[int]) -> int:
    if len(numbers) > 1:
        raise Invalid(
            "a picture shows one frame: ask for each by itself, for parts, or for image/gif or image/apng"
        )
    return numbers[0]


def _of_instance(
    request: Request, caller: Caller, found: StoredInstance, numbers: list[int] | None
) -> Response:
    many = many_wanted(request)
    if many is None or renderer_for(request, caller.archive, found) is not None:
        return _rendered(request, caller, found, _one(numbers) if numbers else None, IMMUTABLE)
    shown = shown_frames(caller.archive, [found], numbers)
    return rendered_many(request, caller, shown, many, IMMUTABLE)


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

"""Images as a presentation state wants them seen: asked for by the state itself, or by the image with its state.

A state's frames are the images that it refers to, in its order: `/frames/2/rendered` is the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import Response
from numpy.typing import NDArray
from pydicom import Dataset

from storage.bulkdata import complete_header
from storage.errors import Invalid, NotFound
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.caching import REVALIDATE
from viewer_api.dicomweb.frames import require_frames
from viewer_api.dicomweb.objects.ask import Ask, Renderer
from viewer_api.dicomweb.objects.decoded import decoded
from viewer_api.dicomweb.objects.fitted import with_words
from viewer_api.dicomweb.objects.related import held, one_held
from viewer_api.dicomweb.parameters import Rendering, read_rendering
from viewer_api.dicomweb.pictures import representative_frame
from viewer_api.render import Picture
from viewer_api.render.overlay import GROUPS
from viewer_api.render.presentation_picture import presented_frame
from viewer_api.render.presentation_state import ImageReference, Target, referenced_images, require_applicable

PRESENTATION_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in range(1, 13))
PRESENTATION_UID, PRESENTATION_SERIES_UID = "presentationUID", "presentationSeriesUID"
_OVERLAYS = frozenset(f"{group:04X}" for group in GROUPS)


def presentation_picture(ask: Ask) -> Response:
    """The first image that the state is for, or the one with the number asked for."""
    rendering = read_rendering(ask.request)
    state = _state(ask, ask.found)
    image, number = _referenced(ask, state, ask.frame_number)
    return ask.answer(
        lambda: _presented(ask, state, image, number, rendering).content,
        rendering.options.media_type,
        rendering,
        image.sha256,
        number,
        control=REVALIDATE,
    )


def presentation_thumbnail(ask: Ask, rendering: Rendering) -> Picture | None:
    """The same, small; none where the image is not here."""
    state = _state(ask, ask.found)
    try:
        image, number = _referenced(ask, state, ask.frame_number)
    except NotFound:
        return None
    return _presented(ask, state, image, number, rendering)


def presented_image(ask: Ask) -> Response:
    """An image's frame under the state that the request names by `presentationUID`, with its series if one likes
    (PS3.18 9.1.2.3)."""
    rendering = read_rendering(ask.request)
    given = ask.request.query_params
    stored = one_held(ask, given[PRESENTATION_UID], "the presentation state")
    series = given.get(PRESENTATION_SERIES_UID)
    if series not in (None, stored.series_instance_uid):
        raise NotFound("the presentation state is not in that series")
    number = ask.frame_number or representative_frame(ask.archive, ask.found)
    require_frames(ask.found, [number])
    state = _state(ask, stored)
    return ask.answer(
        lambda: _presented(ask, state, ask.found, number, rendering).content,
        rendering.options.media_type,
        rendering,
        stored.sha256,
    )


def _state(ask: Ask, stored: StoredInstance) -> Dataset:
    if stored.sop_class_uid not in PRESENTATION_CLASSES:
        raise Invalid(f"{PRESENTATION_UID} names no presentation state", parameter=PRESENTATION_UID)
    state = complete_header(ask.archive, stored)
    require_applicable(state)
    return state


def _presented(ask: Ask, state: Dataset, image: StoredInstance, number: int, rendering: Rendering) -> Picture:
    if rendering.region is not None:
        raise Invalid("viewport: a presentation state says itself which part is shown", parameter="viewport")
    target = Target(image.sop_instance_uid, number)
    if not any(_means(reference, target) for reference in referenced_images(state)):
        raise Invalid("the presentation state is not for this image", code="NOT_RENDERABLE")
    header, values = decoded(ask.archive, image, number)
    overlays = complete_header(ask.archive, image, _OVERLAYS)

    def frame(other: int) -> NDArray[Any]:
        return values if other == number else decoded(ask.archive, image, other)[1]

    def draw(wanted: Rendering) -> Picture:
        return presented_frame(state, header, values, target, wanted.options, overlays, frame)

    return with_words(ask, image, number, rendering, draw)


def _means(reference: ImageReference, target: Target) -> bool:
    frames = reference.frame_numbers
    return reference.sop_instance_uid == target.sop_instance_uid and (
        not frames or target.frame_number in frames
    )


def _referenced(ask: Ask, state: Dataset, place: int | None) -> tuple[StoredInstance, int]:
    """The image and its frame at a place from 1. Raises `NotFound`; without a place the first that is here."""
    references = list(referenced_images(state))
    here = held(ask, [reference.sop_instance_uid for reference in references])
    for counted, (uid, number) in enumerate(_pictures(references, here), 1):
        if place in (None, counted) and uid in here:
            image = here[uid]
            return image, number or representative_frame(ask.archive, image)
        if place == counted:
            break
    raise NotFound("the image that this presentation state is for is not here")


def _pictures(
    references: list[ImageReference], here: dict[str, StoredInstance]
) -> Iterator[tuple[str, int | None]]:
    """Every picture that the state describes: the frames named, else all frames of an image that is here."""
    for reference in references:
        image = here.get(reference.sop_instance_uid)
        frames = reference.frame_numbers
        if not frames and image is not None and image.number_of_frames > 1:
            frames = tuple(range(1, image.number_of_frames + 1))
        for number in frames or (None,):
            yield reference.sop_instance_uid, number


PRESENTATION_STATES = Renderer(presentation_picture, presentation_thumbnail, symbol="layers", settled=False)
PRESENTED_IMAGE = Renderer(presented_image, presentation_thumbnail)

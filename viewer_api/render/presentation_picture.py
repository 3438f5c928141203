"""One frame as a presentation state wants it seen (PS3.4 N.2.5): values, shutter, overlays, area, turn, annotations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from viewer_api.render.options import RenderOptions
from viewer_api.render.overlay import GROUPS, overlay_bitmap
from viewer_api.render.picture import Picture, encoded
from viewer_api.render.presentation_area import displayed_area, presentation_aspect
from viewer_api.render.presentation_drawing import painted
from viewer_api.render.presentation_graphics import graphic_annotations, layer_colour
from viewer_api.render.presentation_mask import Frames
from viewer_api.render.presentation_shutter import covered, shutter_colour
from viewer_api.render.presentation_state import Target, require_applicable
from viewer_api.render.presentation_values import presented_values

_ACTIVATION_LAYER, _OVERLAY_DATA = 0x1001, 0x3000


def presented_frame(
    state: Dataset,
    header: Dataset,
    stored: NDArray[Any],
    target: Target,
    options: RenderOptions,
    image_overlays: Dataset | None = None,
    frames: Frames | None = None,
) -> Picture:
    """The frame under the state. `stored` is as `decode_frame` gives it, `image_overlays` holds the image's own groups
    60xx, of which the state may switch on some; `frames` gives other frames of the image, which the state may subtract.

    Raises `Invalid`, ``NOT_RENDERABLE`` for states that are not for one image, else naming what contradicts itself.
    """
    require_applicable(state)
    values, window = presented_values(state, header, stored, target, options.window, frames)
    values = _with_overlays(state, values, target, image_overlays)
    values = _with_shutter(state, values, target)
    image = Image.fromarray(np.ascontiguousarray(values))
    area = displayed_area(state, target, image.size, options.viewport)
    image = painted(area.cut(image), graphic_annotations(state, target, area))
    return Picture(encoded(image, options), options.media_type, image.width, image.height, window)


def _with_shutter(state: Dataset, values: NDArray[np.uint8], target: Target) -> NDArray[np.uint8]:
    closed = covered(
        state, _shape(values), aspect=presentation_aspect(state, target), frame_number=target.frame_number
    )
    if closed is None:
        return values
    return _filled(values, closed, shutter_colour(state))


def _with_overlays(
    state: Dataset, values: NDArray[np.uint8], target: Target, image_overlays: Dataset | None
) -> NDArray[np.uint8]:
    """The planes that have an activation layer, in that layer's colour (PS3.3 C.11.7)."""
    for group in GROUPS:
        layer = _activation_layer(state, group)
        if not layer:
            continue
        holder = (
            image_overlays if image_overlays is not None and (group, _OVERLAY_DATA) not in state else state
        )
        plane = overlay_bitmap(holder, group, _shape(values), frame_number=target.frame_number)
        if plane is not None:
            values = _filled(values, plane, layer_colour(state, layer))
    return values


def _activation_layer(state: Dataset, group: int) -> str:
    """(60xx,1001), empty for a plane that is not shown."""
    there = (group, _ACTIVATION_LAYER) in state
    return str(state[group, _ACTIVATION_LAYER].value or "").strip().upper() if there else ""


def _shape(values: NDArray[np.uint8]) -> tuple[int, int]:
    return values.shape[0], values.shape[1]


def _filled(
    values: NDArray[np.uint8], where: NDArray[np.bool_], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Grey stays grey under a grey colour."""
    if values.ndim == 2 and len(set(colour)) > 1:
        values = np.repeat(values[..., np.newaxis], 3, axis=-1)
    filled = values.copy()
    filled[where] = colour if values.ndim == 3 else colour[0]
    return filled

"""Modality values as grey, and the picture's geometry once it is scaled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.errors import Invalid
from viewer_api.render import Window
from viewer_api.volume.view_plane import ViewPlane


def grey(values: NDArray[Any], window: Window, *, inverse: bool) -> NDArray[np.uint8]:
    """Through a window (PS3.3 C.11.2.1.2); where there is no value it is black."""
    brightness = window(values)
    if inverse:
        brightness = 1 - brightness
    brightness *= 255
    np.rint(brightness, out=brightness)
    return np.asarray(np.nan_to_num(brightness, copy=False).astype(np.uint8))


def cut_out(plane: ViewPlane, left: float, top: float, width: float, height: float) -> ViewPlane:
    """A part, in samples of the whole; a negative width or height turns the picture round.

    Raises `Invalid` where it lies outside.
    """
    right, bottom = (round(min(end, size)) for end, size in _ends(plane, left, top, width, height))
    first, upper = max(0, round(left)), max(0, round(top))
    if first >= right or upper >= bottom:
        raise Invalid(
            f"viewport: the part shown lies outside the {plane.width} x {plane.height} picture",
            parameter="viewport",
        )
    part = replace(plane, origin=plane.point(first, upper), width=right - first, height=bottom - upper)
    if width < 0:
        part = replace(part, origin=part.point(part.width - 1, 0), right=-part.right)
    if height < 0:
        part = replace(part, origin=part.point(0, part.height - 1), down=-part.down)
    return part


def _ends(
    plane: ViewPlane, left: float, top: float, width: float, height: float
) -> tuple[tuple[float, int], tuple[float, int]]:
    return (left + abs(width), plane.width), (top + abs(height), plane.height)


def scaled(plane: ViewPlane, size: tuple[int, int]) -> ViewPlane:
    """The same rectangle in `size` samples: borders stay, the centres of samples move."""
    spacing = plane.spacing_mm * plane.width / size[0]
    aside = (spacing - plane.spacing_mm) / 2
    origin = plane.origin + aside * (plane.right + plane.down)
    return replace(plane, origin=origin, spacing_mm=spacing, width=size[0], height=size[1])


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """In another size."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)

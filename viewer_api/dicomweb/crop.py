"""A part of an image as a picture: the full form of the viewport parameter (PS3.18 8.3.5.1.3)."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, ImageOps

from storage.errors import Invalid
from viewer_api.dicomweb.parameters import Region, Rendering
from viewer_api.render import Picture, RenderOptions
from viewer_api.render.picture import encoded, fitted_size

UNCROPPED = "image/png"
"""Cut from a picture that loses nothing."""


def whole_options(rendering: Rendering) -> RenderOptions:
    """How the whole image is rendered before it is cut: pixel for pixel."""
    return replace(rendering.options, viewport=None, media_type=UNCROPPED)


def cropped(whole: Picture, region: Region, options: RenderOptions, *, aspect: float = 1.0) -> Picture:
    """The region, scaled into the viewport with its proportions kept; `aspect` is that of a pixel, height by width.

    Raises `Invalid` outside the image.
    """
    with Image.open(io.BytesIO(whole.content)) as opened:
        image = opened.crop(_box(region, opened.width, opened.height))
        profile = opened.info.get("icc_profile")
    if (region.width or 1) < 0:
        image = ImageOps.mirror(image)
    if (region.height or 1) < 0:
        image = ImageOps.flip(image)
    if options.viewport is not None:
        size = fitted_size(image.width, image.height * aspect, options.viewport)
        image = image.resize(size, Image.Resampling.LANCZOS)
    content = encoded(image, options, profile)
    return Picture(content, options.media_type, image.width, image.height, whole.window)


def _box(region: Region, columns: int, rows: int) -> tuple[int, int, int, int]:
    width = columns - region.left if region.width is None else abs(region.width)
    height = rows - region.top if region.height is None else abs(region.height)
    left, top = max(0, round(region.left)), max(0, round(region.top))
    right, bottom = min(columns, round(region.left + width)), min(rows, round(region.top + height))
    if left >= right or top >= bottom:
        raise Invalid(
            f"viewport: the part shown lies outside the {columns} x {rows} image", parameter="viewport"
        )
    return left, top, right, bottom

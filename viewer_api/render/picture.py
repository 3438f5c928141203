"""One frame as a JPEG, PNG or WebP picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render.aspect import pixel_aspect
from viewer_api.render.display import displayed
from viewer_api.render.frame import frame_values
from viewer_api.render.icc import in_colour_space
from viewer_api.render.large_frames import in_turn
from viewer_api.render.native import Buffer
from viewer_api.render.options import RenderOptions
from viewer_api.render.overlay import drawn_white, overlay_mask
from viewer_api.render.pixel_format import PixelFormat, pixel_format
from viewer_api.render.window import Window

_LARGEST_SIDE = {"image/jpeg": 65535, "image/png": 65535, "image/webp": 16383}
_WITHOUT_SUBSAMPLING = 90
"""JPEG quality from which colour keeps its full resolution."""


Keep = Callable[[PixelFormat, Callable[[], NDArray[Any]]], NDArray[Any]]
"""Gives the frame's values in a format: those it keeps, or else those that it is told how to make."""


@dataclass(frozen=True)
class Picture:
    """An encoded picture, `width` x `height` pixels; `window` is the one that was applied, None if none was."""

    content: bytes
    media_type: str
    width: int
    height: int
    window: Window | None


def render_frame(
    header: Dataset,
    frame: Buffer,
    *,
    transfer_syntax_uid: str,
    frame_number: int,
    options: RenderOptions | None = None,
    bit_offset: int = 0,
    pixel_vr: str | None = None,
    keep: Keep | None = None,
) -> Picture:
    """The frame, counted from 1, as a picture; arguments and errors are those of `decode_frame`. `keep` may give
    stored values that were decoded before.

    Without a viewport a picture has the frame's rows and columns, pixel for pixel. With one it fills the viewport
    in one direction and keeps the aspect that the header tells of, uneven pixels included (PS3.18 8.3.5.1.3).
    """
    options = options or RenderOptions()
    if frame_number < 1:
        raise Invalid("frames are counted from 1")
    form = pixel_format(header, pixel_vr=pixel_vr)
    values = partial(
        frame_values,
        frame=frame,
        transfer_syntax_uid=transfer_syntax_uid,
        bit_offset=bit_offset,
        pixel_vr=pixel_vr,
    )
    kept = values if keep is None else lambda form: keep(form, partial(values, form))
    with in_turn(form):
        return _picture(header, form, kept, frame_number, options)


def _picture(
    header: Dataset,
    form: PixelFormat,
    values: Callable[[PixelFormat], NDArray[Any]],
    frame_number: int,
    options: RenderOptions,
) -> Picture:
    """Every step from stored values, which `values` decodes, to an encoded picture."""
    shown = displayed(header, form, values(form), frame_number=frame_number, options=options)
    colours, profile = shown.values, None
    if colours.ndim == 3:
        colours, profile = in_colour_space(header, colours, options.icc_profile, frame_number=frame_number)
    if options.overlays:
        colours = _with_overlays(header, form, values, colours, frame_number)
    image = Image.fromarray(np.ascontiguousarray(colours))
    if options.viewport is not None:
        image = _fitted(image, options.viewport, pixel_aspect(header, frame_number=frame_number))
    content = encoded(image, options, profile)
    return Picture(content, options.media_type, image.width, image.height, shown.window)


def _with_overlays(
    header: Dataset,
    form: PixelFormat,
    values: Callable[[PixelFormat], NDArray[Any]],
    colours: NDArray[np.uint8],
    frame_number: int,
) -> NDArray[np.uint8]:
    """`values` decodes the frame once more where a plane lies in its unused bits."""

    def embedded(position: int) -> NDArray[np.bool_]:
        one_bit = replace(form, bits_stored=1, high_bit=position, signed=False)
        return values(one_bit).astype(np.bool_)

    mask = overlay_mask(
        header,
        (form.rows, form.columns),
        frame_number=frame_number,
        bits_allocated=form.bits_allocated if not (form.floating or form.colour) else 1,
        embedded=embedded,
    )
    return colours if mask is None else drawn_white(colours, mask)


def fitted_size(width: int, height: float, viewport: tuple[int, int]) -> tuple[int, int]:
    """The largest `(width, height)` of the same proportions inside the viewport, no side below one pixel."""
    scale = min(viewport[0] / width, viewport[1] / height)
    fitted = (round(width * scale), round(height * scale))
    return max(1, min(fitted[0], viewport[0])), max(1, min(fitted[1], viewport[1]))


def _fitted(image: Image.Image, viewport: tuple[int, int], aspect: float) -> Image.Image:
    size = fitted_size(image.width, image.height * aspect, viewport)
    if size == image.size:
        return image
    # The gap lets a fast box filter take the first, whole-numbered step down.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def encoded(image: Image.Image, options: RenderOptions, profile: bytes | None = None) -> bytes:
    """The image as its media type has it. Raises `Invalid` ``NOT_RENDERABLE`` for more pixels than that can hold."""
    if max(image.size) > _LARGEST_SIDE[options.media_type]:
        size = f"{image.width} x {image.height}"
        raise Invalid(
            f"{options.media_type} cannot hold {size} pixels; ask for a viewport", code="NOT_RENDERABLE"
        )
    out = io.BytesIO()
    image.save(out, options.media_type.removeprefix("image/"), icc_profile=profile, **_settings(options))
    return out.getvalue()


def _settings(options: RenderOptions) -> dict[str, Any]:
    if options.media_type == "image/png":
        return {"compress_level": 3}
    if options.media_type == "image/webp":
        return {"quality": options.quality, "method": 2}
    return {"quality": options.quality, "subsampling": 0 if options.quality >= _WITHOUT_SUBSAMPLING else 2}

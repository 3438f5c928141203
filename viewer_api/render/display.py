"""Stored values of one frame to what a screen shows: grey or RGB, 8 bits a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from viewer_api.render.grey import grey_transform
from viewer_api.render.options import RenderOptions
from viewer_api.render.palette import palette_colours
from viewer_api.render.pixel_format import MONOCHROME, PixelFormat, pixel_format
from viewer_api.render.table_take import table_take
from viewer_api.render.window import Window


@dataclass(frozen=True)
class Displayed:
    """`values` `(rows, columns)` grey or `(rows, columns, 3)` RGB, uint8; the window that made them, if one did."""

    values: NDArray[np.uint8]
    window: Window | None


def display_values(
    header: Dataset, stored: NDArray[Any], *, frame_number: int, options: RenderOptions | None = None
) -> NDArray[np.uint8]:
    """Grey `(rows, columns)` or RGB `(rows, columns, 3)` of stored values as `decode_frame` gives them."""
    form = pixel_format(header, pixel_vr="OF" if stored.dtype.kind == "f" else None)
    return displayed(
        header, form, stored, frame_number=frame_number, options=options or RenderOptions()
    ).values


def displayed(
    header: Dataset, form: PixelFormat, stored: NDArray[Any], *, frame_number: int, options: RenderOptions
) -> Displayed:
    """The same, with the window that was used. Windows have no meaning for colour and are left out there."""
    if form.photometric_interpretation in MONOCHROME:
        transform = grey_transform(
            header, form, stored, frame_number=frame_number, window=options.window, invert=options.invert
        )
        grey = transform(stored)
        colours = grey if transform.coloured is None else transform.coloured.coloured(header, stored, grey)
        return Displayed(colours, transform.window)
    colours = _rgb(form, stored) if form.colour else _palette_rgb(header, stored)
    return Displayed(255 - colours if options.invert else colours, None)


def _rgb(form: PixelFormat, stored: NDArray[Any]) -> NDArray[np.uint8]:
    if form.bits_stored == 8 and stored.dtype == np.uint8:
        return stored
    top = (1 << form.bits_stored) - 1
    real = np.float32 if form.bits_stored <= 16 else np.float64
    scaled: NDArray[np.uint8] = np.rint(np.clip(stored, 0, top).astype(real) * real(255 / top)).astype(
        np.uint8
    )
    return scaled


def _palette_rgb(header: Dataset, stored: NDArray[Any]) -> NDArray[np.uint8]:
    if stored.dtype.itemsize > 2:
        return palette_colours(header, stored)
    possible = np.arange(1 << (8 * stored.dtype.itemsize), dtype=np.uint32)
    table = palette_colours(header, possible.astype(f"u{stored.dtype.itemsize}").view(stored.dtype))
    return table_take(table, stored)

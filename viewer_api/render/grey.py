"""Monochrome stored values to 8-bit grey: modality, VOI, inversion, padding, in the order of PS3.4 N.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from viewer_api.render import attributes
from viewer_api.render.lookup_table import LookupTable
from viewer_api.render.modality import ModalityTransform, Rescale, modality_transform
from viewer_api.render.padding import Padding, padding
from viewer_api.render.pixel_format import PixelFormat
from viewer_api.render.supplemental_palette import ColouredRange, coloured_range
from viewer_api.render.table_take import table_take, values_present
from viewer_api.render.voi import voi_transform
from viewer_api.render.window import Window

_MEASURED = frozenset({"SEG", "NM", "PT", "RTDOSE", "MR", "CT"})
"""Modalities whose 8-bit values are amounts or labels, not the brightness that a device once showed."""


@dataclass(frozen=True)
class GreyTransform:
    """All steps from a stored value to grey; called with stored values of any shape, answers uint8 of that shape."""

    modality: ModalityTransform
    voi: Window | LookupTable
    inverse: bool
    padding: Padding | None
    coloured: ColouredRange | None
    """What is not grey at all: a supplemental palette has these values."""

    @property
    def window(self) -> Window | None:
        """The window that is used; None where a VOI LUT is."""
        return self.voi if isinstance(self.voi, Window) else None

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.uint8]:
        """Grey for each stored value: computed once per possible value where these are few, else per pixel."""
        if stored.dtype.itemsize > 2 or stored.size < _possible_values(stored.dtype).size:
            return self.computed(stored)
        return table_take(self._table(stored.dtype), stored)

    def _table(self, dtype: np.dtype[Any]) -> NDArray[np.uint8]:
        """Grey for each possible value; kept where all steps are told by a few numbers, as in most series."""
        if isinstance(self.modality, LookupTable) or isinstance(self.voi, LookupTable):
            return self.computed(_possible_values(dtype))
        return _kept_table(self, dtype)

    def computed(self, stored: NDArray[Any]) -> NDArray[np.uint8]:
        """Grey step by step, value for value."""
        brightness = self._brightness(self.modality(stored))
        if self.inverse:
            brightness = 1 - brightness
        # Floating point pixels may be no number at all; those show nothing.
        grey: NDArray[np.uint8] = np.rint(np.nan_to_num(brightness) * 255).astype(np.uint8)
        if self.padding is not None:
            grey[self.padding(stored)] = 0
        return grey

    def _brightness(self, values: NDArray[Any]) -> NDArray[Any]:
        if isinstance(self.voi, Window):
            return self.voi(values)
        top = (1 << self.voi.bits) - 1
        return np.clip(self.voi(np.nan_to_num(values)) / top, 0, 1)


@lru_cache(maxsize=64)
def _kept_table(transform: GreyTransform, dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """The frames of a series share their table: making one takes longer than using it. One has 64 KiB."""
    return transform.computed(_possible_values(dtype))


def grey_transform(
    header: Dataset,
    form: PixelFormat,
    stored: NDArray[Any],
    *,
    frame_number: int,
    window: Window | None,
    invert: bool,
) -> GreyTransform:
    """The steps for one frame, counted from 1. `window` beats the header's VOI LUT and window; `invert` turns what
    MONOCHROME1 or the shape INVERSE said; these two say the same and invert once (PS3.3 C.7.6.3.1.2, C.11.6.1.2).

    Without either the window runs over the frame's smallest to largest value without padding, except for 8-bit
    pixels that a device wrote for showing (SC, US, XA, ...), whose whole range is shown: the frames of a loop then keep
    one brightness.
    """
    modality = modality_transform(header, frame_number=frame_number, signed=form.signed, for_display=True)
    pad = padding(header, form)

    coloured = coloured_range(header, signed=form.signed)

    def shown_range() -> tuple[float, float]:
        if _written_for_showing(header, form, modality):
            return 0, (1 << form.bits_stored) - 1
        return _range_present(
            header, modality, stored, [each for each in (pad, coloured) if each is not None]
        )

    # A rescale reaches below zero where its input or its intercept does; the first input of a VOI LUT follows.
    signed = form.signed or (isinstance(modality, Rescale) and modality.intercept < 0)
    voi = window or voi_transform(header, frame_number=frame_number, signed=signed, shown_range=shown_range)
    inverse = form.photometric_interpretation == "MONOCHROME1" or _shape(header) == "INVERSE"
    return GreyTransform(modality, voi, inverse != invert, pad, coloured)


def _written_for_showing(header: Dataset, form: PixelFormat, modality: ModalityTransform) -> bool:
    if form.bits_stored == 1:
        return True
    plain = isinstance(modality, Rescale) and modality.identity
    few_bits = form.bits_stored <= 8 and not form.signed and not form.floating
    return plain and few_bits and attributes.text(header, "Modality", "") not in _MEASURED


def _shape(header: Dataset) -> str:
    return attributes.text(header, "PresentationLUTShape", "IDENTITY")


def _range_present(
    header: Dataset,
    modality: ModalityTransform,
    stored: NDArray[Any],
    without: Sequence[Padding | ColouredRange],
) -> tuple[float, float]:
    """Smallest and largest modality value that occurs, left out what `without` says; (0, 0) if nothing is left."""
    values = values_present(stored) if stored.dtype.itemsize <= 2 else stored.ravel()
    for each in without:
        values = values[~each(values)]
    shown = modality(values)
    if shown.dtype.kind == "f":
        shown = shown[np.isfinite(shown)]
    if not shown.size:
        return 0.0, 0.0
    low, high = float(shown.min()), float(shown.max())
    if attributes.text(header, "Modality", "") == "SEG":
        # Of labels and fractions, 0 alone is background.
        return min(low, 0.0), high
    # Where padding is black, a sole other value must not be.
    return (low - 1 if low == high and without else low), high


def _possible_values(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Every value of an integer type of up to 16 bits, in the order of its bit patterns."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(1 << (8 * dtype.itemsize), dtype=np.uint32).astype(unsigned).view(dtype)

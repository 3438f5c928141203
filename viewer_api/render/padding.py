"""Pixels outside the image proper (PS3.3 C.7.5.1.1.2): no part of any statistic, and drawn black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from viewer_api.render import attributes
from viewer_api.render.pixel_format import PixelFormat


@dataclass(frozen=True)
class Padding:
    """Stored values from `low` to `high`, both included."""

    low: float
    high: float

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """True where a pixel is padding, of the shape of `stored`."""
        return np.asarray((stored >= self.low) & (stored <= self.high))


def padding(header: Dataset, form: PixelFormat) -> Padding | None:
    """The header's padding value or range; None if it has none."""
    prefix = {32: "Float", 64: "DoubleFloat"}[form.bits_allocated] if form.floating else ""
    value = attributes.numbers(header, f"{prefix}PixelPaddingValue")
    if not value:
        return None
    limit = attributes.numbers(header, f"{prefix}PixelPaddingRangeLimit") or value
    ends = value[0], limit[0]
    if not form.floating:
        ends = _as_stored(ends[0], form), _as_stored(ends[1], form)
    return Padding(min(ends), max(ends))


def _as_stored(value: float, form: PixelFormat) -> int:
    """The value under the pixels' own sign: -2000 is written, or read, as 63536 often enough."""
    bits = max(form.bits_allocated, 16)
    word = int(value) & ((1 << bits) - 1)
    return word - (1 << bits) if form.signed and word >> (bits - 1) else word

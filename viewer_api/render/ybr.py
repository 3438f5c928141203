"""YBR_FULL to RGB (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIFFERENCE = np.arange(256) - 128
_RED = np.rint(1.402 * _DIFFERENCE).astype(np.int16)
_BLUE = np.rint(1.772 * _DIFFERENCE).astype(np.int16)
# In 65536ths, so that the sum of both is rounded once.
_GREEN_OF_BLUE = np.rint(-0.344136 * 65536 * _DIFFERENCE).astype(np.int32)
_GREEN_OF_RED = np.rint(-0.714136 * 65536 * _DIFFERENCE).astype(np.int32) + 32768


def rgb_from_ybr(ybr: NDArray[Any], bits_stored: int) -> NDArray[Any]:
    """RGB of the same shape `(rows, columns, 3)` and dtype; full-range luminance and chrominance."""
    if ybr.dtype == np.uint8 and bits_stored == 8:
        return _rgb_of_bytes(ybr)
    return _deep_rgb_from_ybr(ybr, bits_stored)


def _rgb_of_bytes(ybr: NDArray[Any]) -> NDArray[np.uint8]:
    """By tables, each sum rounded to the nearest level."""
    luminance = ybr[..., 0].astype(np.int16)
    blue_difference, red_difference = ybr[..., 1], ybr[..., 2]
    green = (_GREEN_OF_BLUE.take(blue_difference) + _GREEN_OF_RED.take(red_difference)) >> 16
    rgb = np.empty(ybr.shape, np.uint8)
    for sample, added in enumerate((_RED.take(red_difference), green, _BLUE.take(blue_difference))):
        rgb[..., sample] = np.clip(luminance + added, 0, 255)
    return rgb


def _deep_rgb_from_ybr(ybr: NDArray[Any], bits_stored: int) -> NDArray[Any]:
    real = np.float32 if bits_stored <= 16 else np.float64
    luminance = ybr[..., 0].astype(real)
    blue_difference, red_difference = (
        ybr[..., each].astype(real) - 2 ** (bits_stored - 1) for each in (1, 2)
    )
    rgb = np.stack(
        [
            luminance + 1.402 * red_difference,
            luminance - 0.344136 * blue_difference - 0.714136 * red_difference,
            luminance + 1.772 * blue_difference,
        ],
        axis=-1,
    )
    clipped: NDArray[Any] = np.clip(np.rint(rgb), 0, 2**bits_stored - 1)
    return clipped.astype(ybr.dtype)

"""YBR_FULL to RGB (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def rgb_from_ybr(ybr: NDArray[Any], bits_stored: int) -> NDArray[Any]:
    """RGB of the same shape `(rows, columns, 3)` and dtype; full-range luminance and chrominance."""
    if ybr.dtype == np.uint8 and bits_stored == 8:
        rows, columns = ybr.shape[:2]
        picture = Image.frombytes("YCbCr", (columns, rows), np.ascontiguousarray(ybr).tobytes())
        return np.asarray(picture.convert("RGB"))
    return _deep_rgb_from_ybr(ybr, bits_stored)


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

"""From words as they lie in the frame to stored values: unused bits out, sign in (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer_api.render.pixel_format import PixelFormat


def stored_values(words: NDArray[Any], form: PixelFormat, *, precision: int) -> NDArray[Any]:
    """The BitsStored bits below HighBit of each word, sign-extended if the header says signed.

    `precision` is how many low bits of a word were coded: BitsAllocated for native pixels, the codestream's
    precision for compressed ones, which cannot tell a sign (JPEG, JPEG-LS) or tell another one than the header
    (JPEG 2000). Shape is kept; the dtype becomes the header's, or a wider one if the codestream needs it.
    """
    if form.floating:
        return words
    high_bit, width = min(form.high_bit, precision - 1), min(form.bits_stored, precision)
    values = _as_integers(words, form)
    word_bits = 8 * values.dtype.itemsize
    if high_bit == word_bits - 1 and width == word_bits:
        return values
    raised: NDArray[Any] = np.left_shift(values, word_bits - 1 - high_bit)
    np.right_shift(raised, word_bits - width, out=raised)
    return raised


def _as_integers(words: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """The same bits under the header's sign, in words no smaller than the header's."""
    size = max(words.dtype.itemsize, form.dtype.itemsize)
    sign = "i" if form.signed else "u"
    wide: NDArray[Any] = words.astype(f"{words.dtype.kind}{size}", copy=False)
    same_bits: NDArray[Any] = wide.view(f"{sign}{size}")
    return same_bits

"""Colours that the standard tells in CIELab, as a screen shows them (PS3.3 C.10.7.1.1)."""

from __future__ import annotations

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes

RGB = tuple[int, int, int]

_D50 = (0.9642, 1.0, 0.8249)
"""The white of the profile connection space, which the values refer to."""
_SRGB_OF_D50 = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)


def rgb_of_cielab(encoded: tuple[float, float, float]) -> RGB:
    """sRGB, 0 to 255, of three 16-bit words: L* 0 to 100 and a*, b* -128 to 127 over 0 to 65535."""
    lightness, a, b = encoded[0] / 655.35, encoded[1] / 257 - 128, encoded[2] / 257 - 128
    y = (lightness + 16) / 116
    xyz = [white * _uncurved(part) for white, part in zip(_D50, (y + a / 500, y, y - b / 200), strict=True)]
    red, green, blue = (
        _screen(sum(factor * part for factor, part in zip(row, xyz, strict=True))) for row in _SRGB_OF_D50
    )
    return red, green, blue


def cielab_colour(holder: Dataset, keyword: str) -> RGB | None:
    """An attribute with three CIELab words, None where there is none that can be read."""
    try:
        words = attributes.numbers(holder, keyword)
    except Invalid:
        return None
    if len(words) != 3 or not all(0 <= word <= 65535 for word in words):
        return None
    return rgb_of_cielab((words[0], words[1], words[2]))


def _uncurved(part: float) -> float:
    return part**3 if part > 6 / 29 else 3 * (6 / 29) ** 2 * (part - 4 / 29)


def _screen(linear: float) -> int:
    """IEC 61966-2-1."""
    linear = min(1.0, max(0.0, linear))
    curved = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(curved * 255)

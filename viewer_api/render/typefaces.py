"""Typefaces for words on pictures: those of the printed report, so that Chinese and Uyghur read right everywhere."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageFont

from worklist.reports.documents.fonts import FOLDER

Typeface = ImageFont.FreeTypeFont | ImageFont.ImageFont
_HAN, _ARABIC = "NotoSansSC_400Regular.ttf", "NotoSansArabic_400Regular.ttf"
_ARABIC_BLOCKS = ((0x0600, 0x0700), (0x0750, 0x0780), (0x08A0, 0x0900), (0xFB50, 0xFE00), (0xFE70, 0xFF00))


def typeface(text: str, size: int) -> Typeface:
    """One that can show `text`, `size` pixels high; Pillow's own where the report's are not set up."""
    return _loaded(_ARABIC if any(_is_arabic(letter) for letter in text) else _HAN, max(6, size))


def _is_arabic(letter: str) -> bool:
    return any(first <= ord(letter) < end for first, end in _ARABIC_BLOCKS)


@lru_cache(maxsize=64)
def _loaded(name: str, size: int) -> Typeface:
    try:
        return ImageFont.truetype(FOLDER / name, size)
    except OSError:
        return ImageFont.load_default(size)

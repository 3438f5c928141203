"""The typefaces of the printed report, and which characters they can show."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import typst
from fontTools.ttLib import TTFont

from storage.errors import Unavailable

FOLDER = Path(__file__).parent.parent / "fonts"

# First the one that has most; a character goes to the first typeface that can show it.
FILES = (
    "NotoSansSC_400Regular.ttf",
    "NotoSansSC_700Bold.ttf",
    "NotoSansArabic_400Regular.ttf",
    "NotoSansArabic_700Bold.ttf",
    "NotoSans_400Regular.ttf",
    "NotoSans_700Bold.ttf",
)


def fonts(folder: Path = FOLDER) -> typst.Fonts:
    """Only the typefaces in `folder`: a page looks the same on every machine.

    Raises `Unavailable` when one is missing.
    """
    _require(folder)
    return _load(folder)


def typefaces(folder: Path = FOLDER) -> tuple[frozenset[int], ...]:
    """For each typeface the code points that all its weights can show. Raises `Unavailable`."""
    _require(folder)
    return _read_coverage(folder)


def _require(folder: Path) -> None:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise Unavailable(
            f"typefaces of the report are missing ({', '.join(missing)}): run `make setup`",
            code="FONTS_MISSING",
            missing=missing,
        )


@cache
def _load(folder: Path) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


@cache
def _read_coverage(folder: Path) -> tuple[frozenset[int], ...]:
    families: dict[str, frozenset[int]] = {}
    for name in FILES:
        covered = _code_points(folder / name)
        family = name.partition("_")[0]
        families[family] = families.get(family, covered) & covered
    return tuple(families.values())


def _code_points(file: Path) -> frozenset[int]:
    with TTFont(file, lazy=True) as font:
        table: dict[int, Any] = font.getBestCmap()
        return frozenset(table)

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from storage.errors import Unavailable
from worklist.reports.documents.fonts import FILES, FOLDER, fonts, typefaces


def test_only_the_typefaces_of_the_report() -> None:
    assert sorted(set(fonts().families())) == ["Noto Sans", "Noto Sans Arabic", "Noto Sans SC"]
    assert {(font.family, font.weight) for font in fonts().fonts()} == {
        (family, weight)
        for family in ("Noto Sans", "Noto Sans Arabic", "Noto Sans SC")
        for weight in (400, 700)
    }


def test_coverage_is_of_all_weights() -> None:
    chinese, arabic, latin = typefaces()
    assert {ord(character) for character in "影像诊断䶮𬭎"} <= chinese
    assert {ord(character) for character in "ئەڭۆۈېۇۋھ"} <= arabic
    assert {ord(character) for character in "әқ₂"} <= latin
    assert ord("影") not in arabic


@pytest.mark.parametrize("absent", FILES)
def test_missing_typeface_says_what_to_do(absent: str, tmp_path: Path) -> None:
    for name in FILES:
        if name != absent:
            shutil.copy(FOLDER / name, tmp_path)
    for ask in (fonts, typefaces):
        with pytest.raises(Unavailable, match="make setup") as missing:
            ask(tmp_path)
        assert missing.value.details["missing"] == [absent]

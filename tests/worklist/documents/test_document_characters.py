from __future__ import annotations

import pytest

from worklist.reports.documents.characters import (
    breakable,
    clean,
    clean_line,
    is_right_to_left,
    keep_measures_in_order,
    paragraphs,
    showable,
)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("a\r\nb\rc\x0bd\x0ce\u2028f\x85g", "a\nb\nc\nd\ne\nf\ng"),
        ("a\x00\x07\x1b\x7f\x9fb", "ab"),
        ("a\tb", "a   b"),
        ("\ufeffa\ud800b", "a\ufffdb"),
        ("艾尔肯·买买提 \u200d𠮷", "艾尔肯·买买提 \u200d𠮷"),
    ],
)
def test_clean(raw: str, kept: str) -> None:
    assert clean(raw) == kept


def test_clean_line() -> None:
    assert clean_line("  a \n\n b\t") == "a b"


@pytest.mark.parametrize(
    ("raw", "lines"),
    [("", []), (" \n\t\n", []), ("\n\n  a \n\nb\n", ["  a", "", "b"]), ("a", ["a"])],
)
def test_paragraphs(raw: str, lines: list[str]) -> None:
    assert paragraphs(raw) == lines


def test_showable_names_what_has_no_glyph() -> None:
    typefaces = (frozenset(map(ord, "ab中")), frozenset(map(ord, "c\u0301")))
    assert showable("ab中c\u0301", typefaces) == "ab中c\u0301"
    assert showable("x", typefaces) == "[U+0078]"
    # The accent exists, but not in the typeface of the letter it would sit on.
    assert showable("a\u0302", typefaces) == "a[U+0302]"
    assert showable("中\ufe00", typefaces) == "中\ufe00"


def test_breakable_parts_only_long_words() -> None:
    assert breakable("short words stay", 10) == "short words stay"
    assert breakable("x" * 12, 10) == "xxxxx\u200bxxxxx\u200bxx"
    assert breakable("长" * 100, 10) == "长" * 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1. ئوڭ CT", True), ("CT ئوڭ", False), ("影像", False), ("123", False), ("", False)],
)
def test_direction_is_of_the_first_strong_character(text: str, expected: bool) -> None:
    assert is_right_to_left(text) is expected


@pytest.mark.parametrize(
    ("text", "isolated"),
    [
        ("ئوڭ 12 mm × 9 mm چوڭ", "ئوڭ \u206612 mm × 9 mm\u2069 چوڭ"),
        ("ئوڭ 2026-05-11", "ئوڭ \u20662026-05-11\u2069"),
        ("ئوڭ (Se 3, Im 87).", "ئوڭ (\u2066Se 3, Im 87\u2069)."),
        ("ئوڭ 12", "ئوڭ 12"),
        ("12 mm × 9 mm", "12 mm × 9 mm"),
    ],
)
def test_measures_are_isolated_only_amid_arabic(text: str, isolated: str) -> None:
    assert keep_measures_in_order(text) == isolated

"""Text as a document may hold it: no control characters, nothing that cannot be shown or stored."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet

_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_ZERO_WIDTH_SPACE = "\u200b"

# A character and what sits on it: marks, joiners, variation selectors.
_CLUSTER = re.compile(r"(?s).[\u0300-\u036f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]*")

# Two or more numbers, units or Latin words in a row: 12 mm × 9 mm, 2026-05-11, CT HU 35, Lung-RADS 4B.
_WORD = r"[0-9A-Za-z%°℃µμ²³\u200b]+"
_JOINT = r"(?:[.,](?=[0-9])|[,;] |[ \u00a0]?[×*+\-–~/:=<>≥≤±^_][ \u00a0]?|[ \u00a0])"
_MEASURE = re.compile(rf"{_WORD}(?:{_JOINT}{_WORD})+")

# Without a glyph, and rightly so: they only choose the form of their neighbour.
_INVISIBLE = frozenset({0x180E, *range(0xFE00, 0xFE10), *range(0xE0020, 0xE0080), *range(0xE0100, 0xE01F0)})


def clean(text: str) -> str:
    """The same text with `\\n` between lines; tabs are four spaces, other controls are dropped.

    A lone surrogate, which no character set can store, becomes U+FFFD.
    """
    lines = _LINE_ENDS.sub("\n", text).expandtabs(4)
    return "".join(_storable(character) for character in lines)


def clean_line(text: str) -> str:
    """`clean` on one line, with single blanks and none at its ends."""
    return " ".join(clean(text).split())


def paragraphs(text: str) -> list[str]:
    """The lines of a text, without the empty ones at either end."""
    lines = [line.rstrip() for line in clean(text).split("\n")]
    written = [index for index, line in enumerate(lines) if line]
    return lines[written[0] : written[-1] + 1] if written else []


def showable(text: str, typefaces: tuple[AbstractSet[int], ...]) -> str:
    """Replace what no typeface can show by its code point, so that a reader sees that something stands there.

    `typefaces` are the code points of each typeface; a character and its marks must come from one of them.
    """
    return "".join(_showable_cluster(cluster, typefaces) for cluster in _CLUSTER.findall(text))


def breakable(text: str, longest_word: int) -> str:
    """Let a line end within any word longer than `longest_word`, which would run off the page otherwise."""
    long_word = re.compile(rf"[^\s\u2e80-\ufaff\uff00-\uffef]{{{longest_word},}}")
    return long_word.sub(lambda word: _ZERO_WIDTH_SPACE.join(_pieces(word[0], longest_word // 2)), text)


def is_right_to_left(text: str) -> bool:
    """Direction of a paragraph by its first strong character (Unicode bidirectional algorithm, P2 and P3)."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind != "L" for kind in strong if kind in {"L", "R", "AL"}), False)


def keep_measures_in_order(text: str) -> str:
    """Isolate what reads left to right amid Arabic letters.

    Bidirectional reordering alone would print `12 mm × 9 mm` as `mm × 9 mm 12` there, and a date backwards.
    """
    if not any(unicodedata.bidirectional(character) in {"R", "AL"} for character in text):
        return text
    return _MEASURE.sub(lambda measure: f"\u2066{measure[0]}\u2069", text)


def has_han(text: str) -> bool:
    """Whether any character is a hanzi."""
    return any(unicodedata.name(character, "").startswith("CJK ") for character in text)


def _storable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    dropped = (category == "Cc" and character != "\n") or character in "\ufeff\ufffe\uffff"
    return "" if dropped else character


def _showable_cluster(cluster: str, typefaces: tuple[AbstractSet[int], ...]) -> str:
    visible = {ord(character) for character in cluster} - _INVISIBLE - {0x0A}
    if any(visible <= typeface for typeface in typefaces):
        return cluster
    if len(cluster) > 1:
        return "".join(_showable_cluster(character, typefaces) for character in cluster)
    return f"[U+{ord(cluster):04X}]"


def _pieces(word: str, size: int) -> list[str]:
    return [word[start : start + size] for start in range(0, len(word), size)]

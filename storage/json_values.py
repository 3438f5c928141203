"""Values of one element to the list that is its ``Value`` in the DICOM JSON model (PS3.18 F.2.3), by VR."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from storage.text import decode_text, without_escapes
from storage.values import read_name, read_text


class Unusual(Exception):
    """This value is not for the fast way."""


def text_values(vr: str, value: bytes, encodings: tuple[str, ...]) -> list[Any]:
    """Of a VR in `TEXT_VRS`; empty if there is no value. Raises `Unusual` or `ValueError`."""
    return _TEXTS[vr](value, encodings)


def number_values(vr: str, value: bytes, byte_order: str) -> list[Any]:
    """Of a VR in `NUMBER_VRS`. Raises `struct.error` for a length that is no multiple of the VR's."""
    form, size = _NUMBERS[vr]
    values = list(struct.unpack(f"{byte_order}{len(value) // size}{form}", value))
    return [_finite(number) for number in values] if form in "fd" else values


def tag_values(value: bytes, byte_order: str) -> list[Any]:
    """Of AT: eight hexadecimal digits each. Raises `struct.error`, `ValueError`."""
    words = struct.unpack(f"{byte_order}{len(value) // 2}H", value)
    return [f"{group:04X}{number:04X}" for group, number in zip(words[::2], words[1::2], strict=True)]


def _finite(number: float) -> float | None:
    """JSON has no word for a number that is none; an absent value is `null` (PS3.18 F.2.5)."""
    return number if math.isfinite(number) else None


def _strings(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    text = value.decode("latin-1").rstrip(" \0")
    return _values(text, text.split("\\"))


def _titles(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    parts = [part.strip() for part in value.decode("latin-1").split("\\")]
    return _values("\\".join(parts), parts)


def _uids(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    parts = [part.strip() for part in value.decode("latin-1").rstrip(" \0").split("\\")]
    return _values("\\".join(parts), parts)


def _texts(value: bytes, encodings: tuple[str, ...]) -> list[Any]:
    text = read_text(value, encodings)
    return _values(text, text.split("\\"))


def _long_text(value: bytes, encodings: tuple[str, ...]) -> list[Any]:
    text = decode_text(value, encodings).rstrip("\0 ")
    return _values(text, [text])


def _address(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    text = value.decode("latin-1").rstrip()
    return _values(text, [text])


def _values(text: str, parts: list[str]) -> list[Any]:
    if "\x1b" in text:
        return [without_escapes(part) for part in parts]
    return list(parts) if text else []


def _names(value: bytes, encodings: tuple[str, ...]) -> list[Any]:
    names = read_name(value, encodings).split("\\")
    if not all(names):
        return []
    return [dict(zip(_GROUPS, _values(name, name.split("=")), strict=False)) for name in names]


_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def _decimals(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    text = value.decode("latin-1").strip().rstrip(" \0")
    return [_finite(float(part)) for part in text.split("\\")] if text else []


def _integers(value: bytes, _encodings: tuple[str, ...]) -> list[Any]:
    text = value.decode("latin-1").rstrip(" \0")
    values = [int(part) for part in text.split("\\")] if text else []
    if any(abs(number) > 1 << 53 for number in values):
        raise Unusual
    return values


_TEXTS: dict[str, Callable[[bytes, tuple[str, ...]], list[Any]]] = {
    **dict.fromkeys(("AS", "CS", "DA", "DT", "TM"), _strings),
    **dict.fromkeys(("LO", "SH", "UC"), _texts),
    **dict.fromkeys(("LT", "ST", "UT"), _long_text),
    "AE": _titles,
    "DS": _decimals,
    "IS": _integers,
    "PN": _names,
    "UI": _uids,
    "UR": _address,
}
_NUMBERS = {
    "FD": ("d", 8),
    "FL": ("f", 4),
    "SL": ("l", 4),
    "SS": ("h", 2),
    "SV": ("q", 8),
    "UL": ("L", 4),
    "US": ("H", 2),
    "UV": ("Q", 8),
}
TEXT_VRS = frozenset(_TEXTS)
NUMBER_VRS = frozenset(_NUMBERS)

"""Segmented palette tables: entries told by runs, ramps and repeats (PS3.3 C.7.9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid
from viewer_api.render.attributes import tag_name

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
_MAX_ENTRIES = 0x10000


def expanded_segments(data: Sequence[int], *, wide: bool, keyword: str) -> NDArray[Any]:
    """Entries `(n,)` that `data`, words if `wide` and else bytes, stands for; raises `Invalid` naming `keyword`."""
    entries: list[int] = []
    try:
        _expand(data, 0, len(data), entries, wide=wide, nested=False)
    except ValueError as error:
        raise Invalid(f"{tag_name(keyword)} {error}") from error
    if not entries:
        raise Invalid(f"{tag_name(keyword)} holds no entries")
    return np.array(entries, np.uint16)


def _expand(
    data: Sequence[int], position: int, segments: int, entries: list[int], *, wide: bool, nested: bool
) -> None:
    """Append what up to `segments` segments from `position` on stand for; a single trailing pad is left."""
    while segments and position + 1 < len(data) and len(entries) <= _MAX_ENTRIES:
        opcode, length = data[position], data[position + 1]
        position += 2
        if opcode == _DISCRETE:
            entries += data[position : position + length]
            position += length
        elif opcode == _LINEAR:
            entries += _ramp(entries, data[position : position + 1], length)
            position += 1
        elif opcode == _INDIRECT and not nested:
            offset, size = _offset(data, position, wide=wide)
            _expand(data, offset, length, entries, wide=wide, nested=True)
            position += size
        else:
            raise ValueError("has a segment of unknown kind")
        segments -= 1


def _ramp(entries: list[int], end: Sequence[int], length: int) -> list[int]:
    """`length` entries from the one after the last to `end`, evenly spaced."""
    if not entries or not end:
        raise ValueError("has a ramp without a start or an end")
    ramp = np.linspace(entries[-1], end[0], length + 1)[1:]
    return [int(each) for each in np.rint(ramp)]


def _offset(data: Sequence[int], position: int, *, wide: bool) -> tuple[int, int]:
    """Where the repeated segments begin, and how many places tell it: 32 bits, lowest place first."""
    size, bits = (2, 16) if wide else (4, 8)
    places = data[position : position + size]
    offset = sum(place << (bits * index) for index, place in enumerate(places))
    if len(places) < size or offset >= position:
        raise ValueError("has a segment that points nowhere")
    return offset, size

"""Overlay planes, groups 6000 to 601E (PS3.3 C.9.2, C.9.3): in an element of their own, or in unused pixel bits.

How a plane is rendered is left open by C.9.2. Graphics are drawn white. A region of interest is drawn as its outline,
so that what it is about stays visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from viewer_api.render.pixel_format import MAX_SAMPLES

GROUPS = tuple(range(0x6000, 0x6020, 2))
_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FRAME_ORIGIN = 0x0010, 0x0011, 0x0015, 0x0040, 0x0050, 0x0051
_BITS_ALLOCATED, _BIT_POSITION, _DATA = 0x0100, 0x0102, 0x3000

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class EmbeddedPlane:
    """A plane that lies in one bit of each pixel's word, as PS3.5-2004 8.1.2 allowed; it has the image's frames."""

    group: int
    bit_position: int


def overlay_mask(
    header: Dataset,
    shape: tuple[int, int],
    *,
    frame_number: int,
    bits_allocated: int,
    embedded: Callable[[int], Mask],
) -> Mask | None:
    """True where any overlay draws on the frame, counted from 1, of `shape` `(rows, columns)`; None without overlays.

    `embedded` gives the pixels' bit of a position. A plane that makes no sense is no reason to withhold a picture.
    """
    drawn: Mask | None = None
    for group in _groups(header):
        mask = overlay_bitmap(header, group, shape, frame_number=frame_number)
        position = embedded_position(header, group, bits_allocated)
        if mask is None and position is not None:
            mask = embedded(position)
        if mask is not None:
            shown = outline(mask) if is_region(header, group) else mask
            drawn = shown if drawn is None else drawn | shown
    return drawn


def overlay_bitmap(header: Dataset, group: int, shape: tuple[int, int], *, frame_number: int) -> Mask | None:
    """The plane of `group` laid over an image of `shape` `(rows, columns)`; None if it has none for the frame."""
    rows, columns = (_number(header, group, element, 0) for element in (_ROWS, _COLUMNS))
    data = _data(header, group)
    index = _plane_index(header, group, frame_number)
    if data is None or index is None or not 0 < rows * columns <= MAX_SAMPLES:
        return None
    first_bit = index * rows * columns
    octets = np.frombuffer(data, np.uint8)[first_bit // 8 : (first_bit + rows * columns + 7) // 8]
    if len(octets) * 8 < first_bit % 8 + rows * columns:
        return None
    bits = np.unpackbits(octets, bitorder="little")[first_bit % 8 :][: rows * columns]
    return _placed(bits.view(np.bool_).reshape(rows, columns), _origin(header, group), shape)


def embedded_position(header: Dataset, group: int, bits_allocated: int) -> int | None:
    """The bit of a pixel's word in which the plane lies; None for a plane that has an element of its own."""
    position = _number(header, group, _BIT_POSITION, 0)
    own = _number(header, group, _BITS_ALLOCATED, 1) != bits_allocated or (group, _DATA) in header
    return None if own or bits_allocated == 1 or not 0 <= position < bits_allocated else position


def is_region(header: Dataset, group: int) -> bool:
    """(60xx,0040) OverlayType R: a region of interest, not graphics."""
    return str(_value(header, group, _TYPE) or "").strip().upper() == "R"


def outline(mask: Mask) -> Mask:
    """The set pixels that have an unset one, or the image's edge, beside them."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    return mask & ~inner


def drawn_white(values: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """A copy of grey `(rows, columns)` or RGB `(rows, columns, 3)`, white under the mask."""
    drawn = values.copy()
    drawn[mask] = 255
    return drawn


def _groups(header: Dataset) -> Iterator[int]:
    """Groups that hold a plane; looked for by the tags that are there, which for most images are none."""
    present = {tag >> 16 for tag in header.keys() if 0x6000 <= tag >> 16 <= 0x601E}  # noqa: SIM118
    return (group for group in GROUPS if group in present)


def _plane_index(header: Dataset, group: int, frame_number: int) -> int | None:
    """Which plane, from 0, belongs to the frame: a single one without a frame of its own belongs to all (C.9.3)."""
    count = max(_number(header, group, _FRAMES, 1), 1)
    origin = _number(header, group, _FRAME_ORIGIN, 0)
    if count == 1 and not origin:
        return 0
    index = frame_number - max(origin, 1)
    return index if 0 <= index < count else None


def _placed(plane: Mask, origin: tuple[int, int], shape: tuple[int, int]) -> Mask:
    """Its first bit at `origin`, row and column from 1, which may lie outside the image on any side."""
    top, left = origin[0] - 1, origin[1] - 1
    plane = plane[max(-top, 0) :, max(-left, 0) :]
    placed = np.zeros(shape, np.bool_)
    room = placed[max(top, 0) :, max(left, 0) :][: plane.shape[0], : plane.shape[1]]
    room[:] = plane[: room.shape[0], : room.shape[1]]
    return placed


def _data(header: Dataset, group: int) -> bytes | None:
    """Little endian: words of a big endian file are turned (PS3.5 8.1.2, Annex D)."""
    value = _value(header, group, _DATA)
    if not isinstance(value, bytes):
        return None
    is_turned = header.original_encoding[1] is False and header[group, _DATA].VR == "OW"
    return np.frombuffer(value, "u2", len(value) // 2).byteswap().tobytes() if is_turned else value


def _origin(header: Dataset, group: int) -> tuple[int, int]:
    value = _value(header, group, _ORIGIN)
    try:
        row, column = (int(each) for each in value)
    except (TypeError, ValueError):
        return 1, 1
    return row, column


def _number(header: Dataset, group: int, element: int, default: int) -> int:
    value = _value(header, group, element)
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        return default


def _value(header: Dataset, group: int, element: int) -> Any:
    try:
        return header[group, element].value
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError, NotImplementedError):
        return None

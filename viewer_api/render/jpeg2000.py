"""JPEG 2000 and HTJ2K codestreams (ISO 15444-1, 15444-15): their main header."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from storage.errors import Invalid

_START = b"\xff\x4f\xff\x51"
_CODING_STYLE, _START_OF_TILE = 0xFF52, 0xFF90


@dataclass(frozen=True)
class Jpeg2000Header:
    """Size, number format and colour transform; `precision` is bits per sample, the largest of all components."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    colour_transform: bool


def jpeg2000_header(stream: bytes) -> Jpeg2000Header:
    """Read SIZ and COD, inside JP2 boxes too (which PS3.5 forbids and devices write); raises `Invalid`."""
    start = stream.find(_START)
    if start < 0 or len(stream) < start + 45:
        raise Invalid("(7FE0,0010) PixelData: the frame holds no JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">4I", stream, start + 8)
    (components,) = struct.unpack_from(">H", stream, start + 40)
    depths = stream[start + 42 : start + 42 + 3 * components : 3]
    return Jpeg2000Header(
        rows=height - top,
        columns=width - left,
        components=components,
        precision=max((depth & 0x7F) + 1 for depth in depths),
        signed=bool(depths[0] & 0x80),
        colour_transform=_colour_transform(stream, start + 2),
    )


def _colour_transform(stream: bytes, position: int) -> bool:
    """Whether COD tells of a multiple component transform (RCT or ICT)."""
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _CODING_STYLE and position + 8 < len(stream):
            return stream[position + 8] == 1
        if marker == _START_OF_TILE or length < 2:
            return False
        position += 2 + length
    return False

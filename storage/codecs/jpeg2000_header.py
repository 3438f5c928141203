"""JPEG 2000 and HTJ2K codestreams (ISO 15444-1 Annex A, 15444-15): their main header and their tile-parts."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from storage.codecs.form import PIXEL_DATA
from storage.errors import Invalid

_START = b"\xff\x4f\xff\x51"
_CODING_STYLE, _START_OF_TILE, _END_OF_CODESTREAM = 0xFF52, 0xFF90, 0xFFD9
_SIZ_BYTES = 45
"""From the start of the codestream to the end of the first component's depth and sampling."""
_MOST_TILES = 4096


@dataclass(frozen=True)
class Jpeg2000Header:
    """Size, number format and colour transform; `precision` is bits per sample, the largest of all components."""

    start: int
    """Where the codestream begins: at 0, or inside JP2 boxes, which PS3.5 forbids and devices write."""
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    colour_transform: bool
    reversible: bool
    """Coded with the 5/3 wavelet, which loses nothing."""
    tiles: int
    plain: bool
    """One sampling grid without offsets, in tiles of reasonable number."""


def jpeg2000_header(stream: bytes) -> Jpeg2000Header:
    """Read SIZ and COD; raises `Invalid`."""
    start = stream.find(_START)
    if start < 0 or len(stream) < start + _SIZ_BYTES:
        raise Invalid(f"{PIXEL_DATA}: the frame holds no JPEG 2000 codestream")
    width, height, left, top, tile_width, tile_height, *tile_offsets = struct.unpack_from(
        ">8I", stream, start + 8
    )
    (components,) = struct.unpack_from(">H", stream, start + 40)
    described = stream[start + 42 : start + 42 + 3 * components]
    coding_style = _coding_style(stream, start + 2)
    tiles = -(-(width - tile_offsets[0]) // (tile_width or 1)) * -(
        -(height - tile_offsets[1]) // (tile_height or 1)
    )
    return Jpeg2000Header(
        start=start,
        rows=height - top,
        columns=width - left,
        components=components,
        precision=max((depth & 0x7F) + 1 for depth in described[::3]),
        signed=bool(described[0] & 0x80),
        colour_transform=coding_style[8:9] == b"\1",
        reversible=coding_style[13:14] == b"\1",
        tiles=tiles,
        plain=tiles <= _MOST_TILES
        and not any((left, top, *tile_offsets))
        and set(described[1::3] + described[2::3]) == {1},
    )


def tiles_begun(stream: bytes, start: int) -> tuple[int, bool]:
    """How many tiles have a part, and whether the parts, by their lengths (A.4.2), lead to the codestream's end."""
    position, tiles = start + 2, set[int]()
    while position + 12 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _START_OF_TILE:
            tile, length = struct.unpack_from(">HI", stream, position + 4)
            tiles.add(tile)
            if length == 0:  # the last one may leave its length to the end of the stream
                return len(tiles), stream.rfind(b"\xff\xd9") > position
            length -= 2
        if length < 2:
            break
        position += 2 + length
    return len(tiles), stream[position : position + 2] == _END_OF_CODESTREAM.to_bytes(2)


def _coding_style(stream: bytes, position: int) -> bytes:
    """COD from its marker on (A.6.1): the colour transform is byte 8, the wavelet byte 13; empty if there is none."""
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _CODING_STYLE:
            return stream[position : position + 2 + length]
        if marker == _START_OF_TILE or length < 2:
            return b""
        position += 2 + length
    return b""

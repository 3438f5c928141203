"""What stands before the first scan of a JPEG (ISO 10918-1) or JPEG-LS (ISO 14495-1) frame."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from storage.codecs.form import PIXEL_DATA
from storage.errors import Invalid

_START_OF_SCAN, _ADOBE, _JFIF, _LOSSLESS, _JPEG_LS = 0xDA, 0xEE, 0xE0, 0xC3, 0xF7
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_JPEG_LS}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True)
class JpegHeader:
    """What stands before the first scan; `components` is `(identifier, horizontal, vertical sampling)` each."""

    rows: int
    columns: int
    precision: int
    lossless: bool
    progressive: bool
    components: tuple[tuple[int, int, int], ...]
    adobe_transform: int | None
    jfif: bool

    def is_ybr(self, photometric_interpretation: str) -> bool:
        """Whether the three components are YCbCr, by the strongest witness in the stream, then by the header.

        Files say RGB over YCbCr data and the reverse, so the header is heard last: the APP14 marker states the
        transform, JFIF knows no RGB, identifiers R G B are what an RGB encoder writes, and only chrominance is
        ever subsampled.
        """
        if self.adobe_transform is not None:
            return self.adobe_transform != 0
        if self.jfif:
            return True
        if tuple(each[0] for each in self.components) == tuple(b"RGB"):
            return False
        if len({each[1:] for each in self.components}) > 1:
            return True
        return photometric_interpretation != "RGB"


def jpeg_header(stream: bytes) -> JpegHeader:
    """Read the markers up to the first scan; raises `Invalid` if there is no frame header among them."""
    frame: tuple[int, bytes] | None = None
    adobe_transform, jfif = None, False
    for marker, segment in _segments(stream):
        if marker in _START_OF_FRAME and len(segment) >= 6:
            frame = marker, segment
        elif marker == _ADOBE and segment[:5] == b"Adobe" and len(segment) >= 12:
            adobe_transform = segment[11]
        elif marker == _JFIF and segment[:4] == b"JFIF":
            jfif = True
    if frame is None:
        raise Invalid(f"{PIXEL_DATA}: the frame holds no JPEG frame header")
    marker, segment = frame
    precision, rows, columns, count = struct.unpack_from(">BHHB", segment)
    listed = segment[6 : 6 + 3 * count]
    components = tuple(
        (listed[at], listed[at + 1] >> 4, listed[at + 1] & 15) for at in range(0, len(listed) // 3 * 3, 3)
    )
    lossless = marker in (_LOSSLESS, _JPEG_LS)
    progressive = marker in _PROGRESSIVE
    return JpegHeader(rows, columns, precision, lossless, progressive, components, adobe_transform, jfif)


def require_end(stream: bytes) -> None:
    """Raises `Invalid` for a stream without its end marker.

    libjpeg would fill what is missing with grey and say nothing; CharLS looks for it for seconds.
    """
    if stream.rfind(_END_OF_IMAGE) < 0:
        raise Invalid(f"{PIXEL_DATA}: the JPEG stream ends before its end marker")


def _segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and payload of each segment before the first scan; stops where the stream makes no sense."""
    position = 2
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF or marker in _BARE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _START_OF_SCAN:
            return
        length = int.from_bytes(stream[position + 2 : position + 4])
        yield marker, stream[position + 4 : position + 2 + length]
        position += 2 + max(length, 2)

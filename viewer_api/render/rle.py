"""RLE frames (PS3.5 Annex G): a segment of PackBits for each byte of a sample, plane after plane."""

from __future__ import annotations

import itertools
import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid

_HEADER = struct.Struct("<16I")
_SLACK = 256
"""Bytes that a segment may hold beyond its plane: encoders pad, some by a whole run."""


def rle_planes(stream: bytes, *, planes: int, plane_bytes: int) -> NDArray[np.uint8]:
    """The byte planes as they are coded, `(planes, plane_bytes)`; raises `Invalid` for a stream that lacks some.

    The codec's own reader of whole frames trusts the offsets in the header; damaged ones ended the process. So
    segments are cut out here, within the stream, and each may fill no more than its plane.
    """
    bounds = _segment_bounds(stream)
    if len(bounds) != planes:
        raise Invalid(
            f"(7FE0,0010) PixelData: the RLE frame holds {len(bounds)} segments, the header needs {planes}"
        )
    decoded = np.empty((planes, plane_bytes), np.uint8)
    for plane, (start, end) in zip(decoded, bounds, strict=True):
        octets = imagecodecs.packbits_decode(stream[start:end], out=plane_bytes + _SLACK)
        if len(octets) < plane_bytes:
            raise Invalid("(7FE0,0010) PixelData: a segment of the RLE frame ends before its plane is full")
        plane[:] = np.frombuffer(octets, np.uint8, plane_bytes)
    return decoded


def _segment_bounds(stream: bytes) -> list[tuple[int, int]]:
    """Start and end of each segment, in rising order and inside the stream."""
    if len(stream) < _HEADER.size:
        raise Invalid("(7FE0,0010) PixelData: the frame is too short for an RLE header")
    count, *offsets = _HEADER.unpack_from(stream)
    starts = offsets[: min(count, len(offsets))]
    bounds = list(itertools.pairwise([*starts, len(stream)]))
    if count > len(offsets) or any(not _HEADER.size <= start < end for start, end in bounds):
        raise Invalid("(7FE0,0010) PixelData: the RLE header points outside its frame")
    return bounds

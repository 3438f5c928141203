"""RLE frames (PS3.5 Annex G): a segment of PackBits for each byte of a sample, plane after plane."""

from __future__ import annotations

import itertools
import struct

import numpy as np
from numpy.typing import NDArray

from storage.codecs.form import PIXEL_DATA, Coded, StreamForm
from storage.errors import Invalid

_HEADER = struct.Struct("<16I")
_SLACK = 256
"""Bytes that a segment may hold beyond its plane: encoders pad, some by a whole run."""


def decode_rle(form: StreamForm, stream: bytes) -> Coded:
    """Words as they lay before they were coded, unused bits included; single bits take a byte each."""
    samples = form.samples_per_pixel
    if form.bits_allocated == 1:
        bits = form.rows * form.columns * samples
        packed = _planes(stream, planes=1, plane_bytes=(bits + 7) // 8)
        return Coded(np.unpackbits(packed[0], bitorder="little", count=bits), 1)
    size = form.sample_bytes
    planes = _planes(stream, planes=samples * size, plane_bytes=form.rows * form.columns)
    # The most significant byte comes first; colour is plane after plane, whatever PlanarConfiguration says.
    woven = planes.reshape(samples, size, -1)[:, ::-1].transpose(2, 0, 1)
    words = np.ascontiguousarray(woven).view(f"<u{size}").astype(f"u{size}", copy=False)
    return Coded(words, form.bits_allocated, form.says_ybr)


def _planes(stream: bytes, *, planes: int, plane_bytes: int) -> NDArray[np.uint8]:
    """The byte planes as they are coded, `(planes, plane_bytes)`; raises `Invalid` for a stream that lacks some.

    The codec's own reader of whole frames trusts the offsets in the header; damaged ones ended the process. So
    segments are cut out here, within the stream, and each may fill no more than its plane.
    """
    import imagecodecs

    bounds = _segment_bounds(stream)
    if len(bounds) != planes:
        raise Invalid(f"{PIXEL_DATA}: the RLE frame holds {len(bounds)} segments, the header needs {planes}")
    decoded = np.empty((planes, plane_bytes), np.uint8)
    for plane, (start, end) in zip(decoded, bounds, strict=True):
        octets = imagecodecs.packbits_decode(stream[start:end], out=plane_bytes + _SLACK)
        if len(octets) < plane_bytes:
            raise Invalid(f"{PIXEL_DATA}: a segment of the RLE frame ends before its plane is full")
        plane[:] = np.frombuffer(octets, np.uint8, plane_bytes)
    return decoded


def _segment_bounds(stream: bytes) -> list[tuple[int, int]]:
    """Start and end of each segment, in rising order and inside the stream."""
    if len(stream) < _HEADER.size:
        raise Invalid(f"{PIXEL_DATA}: the frame is too short for an RLE header")
    count, *offsets = _HEADER.unpack_from(stream)
    starts = offsets[: min(count, len(offsets))]
    bounds = list(itertools.pairwise([*starts, len(stream)]))
    if count > len(offsets) or any(not _HEADER.size <= start < end for start, end in bounds):
        raise Invalid(f"{PIXEL_DATA}: the RLE header points outside its frame")
    return bounds

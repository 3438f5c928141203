"""Deflated Image Frame Compression (PS3.5 Annex A): raw deflate (RFC 1951) of one native frame."""

from __future__ import annotations

import zlib

from storage.codecs.form import PIXEL_DATA
from storage.errors import Invalid


def inflated_frame(stream: bytes, length: int) -> bytes:
    """The native frame, of which `length` bytes are needed; raises `Invalid` for a stream that is broken.

    No more is unfolded than is needed, whatever the stream would give.
    """
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, length + 1)
    except zlib.error as why:
        raise Invalid(f"{PIXEL_DATA}: the frame cannot be inflated") from why

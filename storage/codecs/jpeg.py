"""JPEG frames (ISO 10918-1): baseline, extended to 12 bits, progressive, and lossless with every predictor."""

from __future__ import annotations

from storage.codecs.form import PIXEL_DATA, Coded, StreamForm
from storage.codecs.jpeg_header import JpegHeader, jpeg_header, require_end
from storage.errors import Invalid

_SCAN = b"\xff\xda"
_SCAN_SAMPLES = 1 << 33
"""Samples times scans: each scan of a progressive frame may visit every coefficient, however few bytes it has."""


def decode_jpeg(form: StreamForm, stream: bytes) -> Coded:
    """A lossy process comes as RGB; a lossless one never converts, and comes in the colour it was coded in."""
    import imagecodecs

    header = jpeg_header(stream)
    form.require_size(header.rows, header.columns, len(header.components))
    require_end(stream)
    _require_enough_bytes(header, stream)
    _require_few_scans(header, stream)
    if len(header.components) == 1:
        return Coded(imagecodecs.jpeg8_decode(stream), header.precision)
    is_ybr = header.is_ybr(form.photometric_interpretation)
    coded = "YCBCR" if is_ybr and not header.lossless else "RGB"
    samples = imagecodecs.jpeg8_decode(stream, colorspace=coded, outcolorspace="RGB")
    return Coded(samples, header.precision, is_ybr and header.lossless)


def _require_enough_bytes(header: JpegHeader, stream: bytes) -> None:
    """A lossless sample takes a bit at least, a block of 8 x 8 two; the codec would make up what is missing."""
    if header.lossless:
        bits = header.rows * header.columns * len(header.components)
    else:
        bits = 0 if header.progressive else 2 * (-(-header.rows // 8) * -(-header.columns // 8))
    if len(stream) * 8 < bits:
        raise Invalid(f"{PIXEL_DATA}: the JPEG stream of {len(stream)} bytes is too short for its size")


def _require_few_scans(header: JpegHeader, stream: bytes) -> None:
    scans = stream.count(_SCAN)
    if scans * header.rows * header.columns * len(header.components) > _SCAN_SAMPLES:
        raise Invalid(f"{PIXEL_DATA}: the frame has {scans} scans, too many for its size")

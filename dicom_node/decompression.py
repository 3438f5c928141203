"""Frames out of their compression, as they would lie in an uncompressed instance (PS3.5 8.1, 8.2, Annex A.4).

Components stay what they were coded as, where the process is lossless; what a decoder has to turn into RGB (JPEG's
YCbCr, the colour transforms of JPEG 2000) is said to be RGB. Samples are pixel by pixel, signs are extended to
BitsAllocated, so that the header is right with as few changes as possible.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dicom_node.frame_form import FrameForm
from storage.errors import Invalid
from storage.structure import tag_name

_RLE_HEAD = struct.Struct("<16I")
_RLE_SLACK = 256
"""Bytes that a segment may hold beyond its plane: encoders pad."""
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True)
class NativeFrame:
    """One frame's bytes, little endian, and the form they now have."""

    data: bytes
    form: FrameForm


def decompress_frame(form: FrameForm, stream: bytes, transfer_syntax_uid: str) -> NativeFrame:
    """Raises `Invalid` for a stream that is broken or does not fit the header, `Invalid` with code ``NO_CODEC`` for
    a transfer syntax that cannot be decompressed here."""
    codec = _CODECS.get(transfer_syntax_uid)
    if codec is None:
        raise Invalid(f"no codec for transfer syntax {transfer_syntax_uid}", code="NO_CODEC")
    try:
        return codec(form, stream)
    # codecs tell of broken streams by RuntimeError, and by the others where the break confuses their wrapper
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError, struct.error, zlib.error) as why:
        raise Invalid(f"{tag_name(0x7FE00010)}: a frame cannot be decompressed") from why


def can_decompress(transfer_syntax_uid: str) -> bool:
    """Whether there is a codec."""
    return transfer_syntax_uid in _CODECS


def _native(form: FrameForm, data: bytes) -> NativeFrame:
    """A frame that was packed as it is. Raises `Invalid` if it is too short."""
    if form.frame_bits % 8:
        raise Invalid(f"{tag_name(0x7FE00010)}: frames of {form.frame_bits} bits cannot be put in line")
    needed = form.frame_bits // 8
    if form.photometric_interpretation == "YBR_FULL_422":
        needed = needed * 2 // 3
    if len(data) < needed:
        raise Invalid(f"{tag_name(0x7FE00010)}: a frame holds {len(data)} bytes and needs {needed}")
    return NativeFrame(data[:needed], form)


def _inflated(form: FrameForm, stream: bytes) -> NativeFrame:
    """Deflated Image Frame Compression (PS3.5 A.4.13): raw deflate of one native frame."""
    return _native(form, zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, form.frame_bits // 8 + 1))


def _rle(form: FrameForm, stream: bytes) -> NativeFrame:
    """PS3.5 Annex G: a segment for each byte of a sample, the most significant first, plane after plane."""
    width, samples = max(form.sample_bytes, 1), form.samples_per_pixel
    plane_bytes = form.rows * form.columns if form.sample_bytes else form.frame_bits // 8
    planes = _rle_planes(stream, samples * width, plane_bytes)
    woven = planes.reshape(samples, width, plane_bytes)[:, ::-1].transpose(2, 0, 1)
    return _native(replace(form, planar_configuration=0), np.ascontiguousarray(woven).tobytes())


def _rle_planes(stream: bytes, count: int, plane_bytes: int) -> NDArray[np.uint8]:
    """Segments are cut out here, within the stream: damaged offsets must not lead a codec elsewhere."""
    number, *offsets = _RLE_HEAD.unpack_from(stream)
    bounds = list(pairwise([*offsets[:number], len(stream)]))
    if number != count or any(not _RLE_HEAD.size <= start < end for start, end in bounds):
        raise Invalid(f"{tag_name(0x7FE00010)}: the RLE header does not fit its frame")
    planes = np.empty((count, plane_bytes), np.uint8)
    for plane, (start, end) in zip(planes, bounds, strict=True):
        octets = imagecodecs.packbits_decode(stream[start:end], out=plane_bytes + _RLE_SLACK)
        plane[:] = np.frombuffer(octets, np.uint8, plane_bytes)
    return planes


def _jpeg_lossy(form: FrameForm, stream: bytes) -> NativeFrame:
    precision = _jpeg_precision(form, stream)
    if form.samples_per_pixel == 1:
        return _samples(form, imagecodecs.jpeg8_decode(stream), precision)
    coded = "RGB" if _is_coded_as_rgb(form, stream) else "YCBCR"
    samples = imagecodecs.jpeg8_decode(stream, colorspace=coded, outcolorspace="RGB")
    return _samples(replace(form, photometric_interpretation="RGB"), samples, precision)


def _is_coded_as_rgb(form: FrameForm, stream: bytes) -> bool:
    """By the APP14 marker, else by JFIF, which knows no RGB, else by the header."""
    adobe = stream.find(b"\xff\xee\x00\x0eAdobe", 0, 4096)
    if adobe >= 0 and len(stream) > adobe + 15:
        return stream[adobe + 15] == 0
    return b"JFIF\0" not in stream[:64] and form.photometric_interpretation == "RGB"


def _jpeg_lossless(form: FrameForm, stream: bytes) -> NativeFrame:
    precision = _jpeg_precision(form, stream)
    if form.samples_per_pixel == 1:
        return _samples(form, imagecodecs.jpeg8_decode(stream), precision)
    samples = imagecodecs.jpeg8_decode(stream, colorspace="RGB", outcolorspace="RGB")  # no conversion
    return _samples(_full_chrominance(form), samples, precision)


def _jpeg_ls(form: FrameForm, stream: bytes) -> NativeFrame:
    precision = _jpeg_precision(form, stream)
    return _samples(_full_chrominance(form), imagecodecs.jpegls_decode(stream), precision)


def _jpeg_precision(form: FrameForm, stream: bytes) -> int:
    """Bits per sample, from the frame header (ITU-T T.81 B.2.2), having compared the size before it costs memory."""
    if (
        stream.rfind(b"\xff\xd9") < 0
    ):  # libjpeg would fill what is missing with grey; CharLS looks for it for seconds
        raise Invalid(f"{tag_name(0x7FE00010)}: a JPEG stream ends before its end marker")
    position = 2
    while stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker in _START_OF_FRAME:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, position + 4)
            _require_size(form, rows, columns, components)
            return int(precision)
        position += 2 + (0 if marker in _BARE else struct.unpack_from(">H", stream, position + 2)[0])
    raise Invalid(f"{tag_name(0x7FE00010)}: a frame holds no JPEG frame header")


def _jpeg_2000(form: FrameForm, stream: bytes) -> NativeFrame:
    """SIZ (ISO 15444-1 A.5.1) tells the size; the decoder undoes the colour transforms."""
    start = stream.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise Invalid(f"{tag_name(0x7FE00010)}: a frame holds no JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">4I", stream, start + 8)
    components, depth = struct.unpack_from(">HB", stream, start + 40)
    _require_size(form, height - top, width - left, components)
    form = _full_chrominance(form)
    if form.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        form = replace(form, photometric_interpretation="RGB")
    return _samples(form, imagecodecs.jpeg2k_decode(stream, numthreads=1), (depth & 0x7F) + 1)


def _jpeg_xl(form: FrameForm, stream: bytes) -> NativeFrame:
    """The codec checks the size itself, against the room that it is given."""
    shape = (form.rows, form.columns) + ((3,) if form.samples_per_pixel == 3 else ())
    room = np.empty(shape, f"u{form.sample_bytes}")
    if form.samples_per_pixel == 3:
        form = replace(form, photometric_interpretation="RGB")
    return _samples(form, imagecodecs.jpegxl_decode(stream, numthreads=1, out=room), form.bits_allocated)


def _require_size(form: FrameForm, rows: int, columns: int, components: int) -> None:
    if (rows, columns, components) != (form.rows, form.columns, form.samples_per_pixel):
        raise Invalid(f"{tag_name(0x7FE00010)}: a compressed frame has another size than the header says")


def _full_chrominance(form: FrameForm) -> FrameForm:
    is_halved = form.photometric_interpretation in ("YBR_FULL_422", "YBR_PARTIAL_422")
    return replace(form, photometric_interpretation="YBR_FULL") if is_halved else form


def _samples(form: FrameForm, samples: NDArray[Any], precision: int) -> NativeFrame:
    """What a codec gave, in words of BitsAllocated. `precision` is how many low bits were coded."""
    expected = (form.rows, form.columns) + ((3,) if form.samples_per_pixel == 3 else ())
    if samples.shape != expected or not form.sample_bytes:
        raise Invalid(f"{tag_name(0x7FE00010)}: a compressed frame has another size than the header says")
    if samples.dtype.itemsize > form.sample_bytes:
        raise Invalid(f"{tag_name(0x00280100)} is too small for the samples of a compressed frame")
    words = _extended(samples.astype(f"<i{form.sample_bytes}"), form, precision)
    high_bit = form.high_bit if precision > form.high_bit else form.bits_stored - 1
    return NativeFrame(words.tobytes(), replace(form, planar_configuration=0, high_bit=high_bit))


def _extended(words: NDArray[Any], form: FrameForm, precision: int) -> NDArray[Any]:
    """Bits above the coded ones: the sign, or zero. Codestreams know no sign, or tell another than the header."""
    unused = form.bits_allocated - precision
    if unused <= 0:
        return words
    sign = "i" if form.pixel_representation else "u"
    raised: NDArray[Any] = np.left_shift(words, unused).view(f"<{sign}{form.sample_bytes}")
    np.right_shift(raised, unused, out=raised)
    return raised


_Codec = Callable[[FrameForm, bytes], NativeFrame]
_CODECS: dict[str, _Codec] = {
    "1.2.840.10008.1.2.1.98": _native,
    "1.2.840.10008.1.2.4.50": _jpeg_lossy,
    "1.2.840.10008.1.2.4.51": _jpeg_lossy,
    "1.2.840.10008.1.2.4.53": _jpeg_lossy,
    "1.2.840.10008.1.2.4.55": _jpeg_lossy,
    "1.2.840.10008.1.2.4.57": _jpeg_lossless,
    "1.2.840.10008.1.2.4.70": _jpeg_lossless,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg_2000,
    "1.2.840.10008.1.2.4.91": _jpeg_2000,
    "1.2.840.10008.1.2.4.110": _jpeg_xl,
    "1.2.840.10008.1.2.4.111": _jpeg_xl,
    "1.2.840.10008.1.2.4.112": _jpeg_xl,
    "1.2.840.10008.1.2.4.201": _jpeg_2000,
    "1.2.840.10008.1.2.4.202": _jpeg_2000,
    "1.2.840.10008.1.2.4.203": _jpeg_2000,
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.8.1": _inflated,
}
"""Transfer syntaxes that can be taken out of their compression."""

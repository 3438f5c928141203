"""Frames that are compressed: which decoder reads which transfer syntax (PS3.5 Annex A.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid
from viewer_api.render.attributes import tag_name
from viewer_api.render.jpeg import jpeg_header, jpeg_samples, require_end
from viewer_api.render.jpeg2000 import jpeg2000_header
from viewer_api.render.native import interleaved, native_frame
from viewer_api.render.pixel_format import PixelFormat
from viewer_api.render.rle import rle_planes
from viewer_api.render.stored_bits import stored_values
from viewer_api.render.ybr import rgb_from_ybr


class Coded(NamedTuple):
    """What a codestream held: `(rows, columns[, samples])`, bits coded per sample, and whether it is YBR_FULL."""

    samples: NDArray[Any]
    precision: int
    ybr: bool


def _jpeg(form: PixelFormat, stream: bytes) -> Coded:
    header = jpeg_header(stream)
    _require_size(form, header.rows, header.columns, len(header.components))
    samples, is_ybr = jpeg_samples(stream, header, form.photometric_interpretation)
    return Coded(samples, header.precision, is_ybr)


def _jpeg_ls(form: PixelFormat, stream: bytes) -> Coded:
    header = jpeg_header(stream)
    _require_size(form, header.rows, header.columns, len(header.components))
    require_end(stream)
    # JPEG-LS codes components as they are, so that here the header alone tells the colour.
    return Coded(imagecodecs.jpegls_decode(stream), header.precision, _says_ybr(form))


def _jpeg_2000(form: PixelFormat, stream: bytes) -> Coded:
    header = jpeg2000_header(stream)
    _require_size(form, header.rows, header.columns, header.components)
    # The decoder undoes RCT and ICT; without them YBR_FULL components come out as they went in.
    samples = imagecodecs.jpeg2k_decode(stream, numthreads=1)
    return Coded(samples, header.precision, _says_ybr(form) and not header.colour_transform)


def _jpeg_xl(form: PixelFormat, stream: bytes) -> Coded:
    # The size stands in bit-packed fields, so the decoder checks it itself against the room it is given.
    room = np.empty(form.shape, f"u{form.dtype.itemsize}")
    return Coded(imagecodecs.jpegxl_decode(stream, numthreads=1, out=room), form.bits_allocated, ybr=False)


def _require_size(form: PixelFormat, rows: int, columns: int, samples: int) -> None:
    if (rows, columns, samples) == (form.rows, form.columns, form.samples_per_pixel):
        return
    names = f"{tag_name('Rows')}, {tag_name('Columns')}, {tag_name('SamplesPerPixel')}"
    said = f"{form.rows}, {form.columns}, {form.samples_per_pixel}"
    raise Invalid(f"{names} are {said}, the compressed frame holds {rows}, {columns}, {samples}")


def _says_ybr(form: PixelFormat) -> bool:
    return form.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")


_CODECS: dict[str, Callable[[PixelFormat, bytes], Coded]] = {
    "1.2.840.10008.1.2.4.50": _jpeg,
    "1.2.840.10008.1.2.4.51": _jpeg,
    "1.2.840.10008.1.2.4.53": _jpeg,
    "1.2.840.10008.1.2.4.55": _jpeg,
    "1.2.840.10008.1.2.4.57": _jpeg,
    "1.2.840.10008.1.2.4.70": _jpeg,
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
}
_RLE = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
COMPRESSED = frozenset({*_CODECS, _RLE, _DEFLATED_FRAMES})
"""Transfer syntaxes that `compressed_frame` reads."""


def compressed_frame(form: PixelFormat, stream: bytes, transfer_syntax_uid: str) -> NDArray[Any]:
    """Stored values `form.shape` of one frame, colour as RGB.

    Raises `Invalid` for a stream that is broken, cut short or of another size than the header says; sizes are
    compared before pixels are decoded, so that a forged stream costs no memory.
    """
    try:
        return _decoded(form, stream, transfer_syntax_uid)
    # Codecs tell of broken streams by RuntimeError, and by the others where the break confuses their wrapper.
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError, zlib.error) as error:
        raise Invalid(
            f"(7FE0,0010) PixelData: the frame cannot be decoded as transfer syntax {transfer_syntax_uid}"
        ) from error


def _decoded(form: PixelFormat, stream: bytes, transfer_syntax_uid: str) -> NDArray[Any]:
    if transfer_syntax_uid == _RLE:
        return _rle(form, stream)
    if transfer_syntax_uid == _DEFLATED_FRAMES:
        return native_frame(form, _inflated(form, stream))
    coded = _CODECS[transfer_syntax_uid](form, stream)
    values = stored_values(coded.samples, form, precision=coded.precision).reshape(form.shape)
    return rgb_from_ybr(values, min(form.bits_stored, coded.precision)) if coded.ybr else values


def _rle(form: PixelFormat, stream: bytes) -> NDArray[Any]:
    if form.bits_allocated == 1:
        packed = rle_planes(stream, planes=1, plane_bytes=(form.samples + 7) // 8)
        return native_frame(form, packed.tobytes())
    size = form.dtype.itemsize
    planes = rle_planes(stream, planes=form.samples_per_pixel * size, plane_bytes=form.rows * form.columns)
    # The most significant byte comes first; colour is plane after plane, whatever PlanarConfiguration says.
    by_sample = planes.reshape(form.samples_per_pixel, size, -1).transpose(0, 2, 1)
    words = np.ascontiguousarray(by_sample).view(form.dtype.newbyteorder(">")).reshape(-1).astype(form.dtype)
    return interleaved(form, stored_values(words, form, precision=form.bits_allocated), planar=form.colour)


def _inflated(form: PixelFormat, stream: bytes) -> bytes:
    """Deflated Image Frame Compression (PS3.5 Annex A): raw deflate (RFC 1951) of one native frame."""
    bytes_needed = (form.samples * form.bits_allocated + 7) // 8
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, bytes_needed + 1)

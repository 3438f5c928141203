"""Frames that are not compressed (PS3.5 8.1, Annex D)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid
from viewer_api.render.attributes import tag_name
from viewer_api.render.pixel_format import SUBSAMPLED, PixelFormat
from viewer_api.render.stored_bits import stored_values
from viewer_api.render.ybr import rgb_from_ybr

Buffer = bytes | bytearray | memoryview


def native_frame(
    form: PixelFormat,
    frame: Buffer,
    *,
    big_endian: bool = False,
    bit_offset: int = 0,
    pixel_vr: str | None = None,
) -> NDArray[Any]:
    """Stored values `form.shape` of one frame, colour as RGB; raises `Invalid` if `frame` is too short.

    `bit_offset` counts the bits of `frame` before the first sample. In big endian files 8-bit and 1-bit samples
    under VR OW lie in swapped pairs (PS3.5 7.3); `frame` then begins at an even byte of the element.
    """
    if form.photometric_interpretation == "YBR_PARTIAL_422":
        raise Invalid(
            f"{tag_name('PhotometricInterpretation')} YBR_PARTIAL_422 is retired", code="NOT_RENDERABLE"
        )
    if big_endian and pixel_vr == "OW" and form.bits_allocated <= 8:
        frame = _swapped_pairs(frame)
    if form.bits_allocated == 1:
        return _unpacked_bits(form, frame, bit_offset)
    frame = memoryview(frame)[bit_offset // 8 :]
    if form.photometric_interpretation in SUBSAMPLED:
        return rgb_from_ybr(_full_chrominance(form, frame, big_endian), form.bits_stored)
    values = stored_values(_words(form, frame, form.samples, big_endian), form, precision=form.bits_allocated)
    return interleaved(form, values, planar=form.planar_configuration == 1)


def interleaved(form: PixelFormat, values: NDArray[Any], *, planar: bool) -> NDArray[Any]:
    """One frame's flat samples in `form.shape`, planes woven together and YBR_FULL turned to RGB."""
    if form.colour and planar:
        values = np.ascontiguousarray(values.reshape(3, form.rows, form.columns).transpose(1, 2, 0))
    values = values.reshape(form.shape)
    is_ybr = form.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")
    return rgb_from_ybr(values, form.bits_stored) if is_ybr else values


def _swapped_pairs(frame: Buffer) -> bytes:
    return np.frombuffer(frame, "u2", len(frame) // 2).byteswap().tobytes()


def _words(form: PixelFormat, frame: Buffer, count: int, big_endian: bool) -> NDArray[Any]:
    """The first `count` words; frames may be longer, by a padding byte or more."""
    dtype = form.dtype.newbyteorder(">" if big_endian else "<")
    _require_length(form, len(frame), count * dtype.itemsize)
    words = np.frombuffer(frame, dtype, count)
    return words if dtype.isnative else words.astype(form.dtype)


def _unpacked_bits(form: PixelFormat, frame: Buffer, bit_offset: int) -> NDArray[Any]:
    """1-bit samples, the lowest bit of a byte first, running on across rows (PS3.5 8.1.1)."""
    end = bit_offset + form.samples
    _require_length(form, len(frame), (end + 7) // 8)
    used = np.frombuffer(frame, np.uint8, (end + 7) // 8)
    bits = np.unpackbits(used, bitorder="little", count=end)[bit_offset:]
    return interleaved(form, bits, planar=form.planar_configuration == 1)


def _full_chrominance(form: PixelFormat, frame: Buffer, big_endian: bool) -> NDArray[Any]:
    """YBR_FULL_422 as Y Y Cb Cr for each two pixels, to `(rows, columns, 3)` with chrominance repeated.

    The standard wants an even number of columns. Where it is odd, encoders either complete each row's last pair
    or let pairs run on into the next row: the length tells which.
    """
    pairs_per_row = (form.columns + 1) // 2
    complete_rows = form.rows * pairs_per_row * 4 * form.dtype.itemsize
    if form.columns % 2 == 0 or len(frame) >= complete_rows:
        count, shape = form.rows * pairs_per_row, (form.rows, pairs_per_row * 2, 3)
    else:
        count = (form.rows * form.columns + 1) // 2
        shape = (1, count * 2, 3)
    words = _words(form, frame, count * 4, big_endian).reshape(count, 4)
    pairs = stored_values(words, form, precision=form.bits_allocated)
    pixels = np.empty((count, 2, 3), pairs.dtype)
    pixels[:, :, 0] = pairs[:, :2]
    pixels[:, :, 1:] = pairs[:, np.newaxis, 2:]
    ybr = pixels.reshape(shape)
    if shape[0] == 1:
        return ybr[0, : form.rows * form.columns].reshape(form.shape)
    return np.ascontiguousarray(ybr[:, : form.columns])


def _require_length(form: PixelFormat, length: int, needed: int) -> None:
    if length >= needed:
        return
    size = f"{tag_name('Rows')} {form.rows} x {tag_name('Columns')} {form.columns}"
    raise Invalid(f"(7FE0,0010) PixelData holds {length} bytes for the frame, {size} needs {needed}")

"""One frame's bytes to stored values, and to native bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.codecs import can_decode
from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.compressed import compressed_frame
from viewer_api.render.large_frames import in_turn
from viewer_api.render.native import Buffer, native_frame
from viewer_api.render.pixel_format import PixelFormat, pixel_format

_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_LITTLE_ENDIAN = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",  # deflated as a whole: frames come inflated
        "1.2.840.10008.1.2.1.98",  # encapsulated uncompressed
    }
)


def can_render(header: Dataset) -> bool:
    """Whether the header tells of pixels that can be shown; with file meta, of a transfer syntax that can be read."""
    meta = getattr(header, "file_meta", None)
    syntax = None if meta is None else meta.get("TransferSyntaxUID")
    if syntax is not None and not (can_decode(syntax) or syntax in _LITTLE_ENDIAN or syntax == _BIG_ENDIAN):
        return False
    try:
        form = pixel_format(header)
        palettes = form.photometric_interpretation != "PALETTE COLOR" or _has_palette(header)
    except Invalid:
        return False
    return palettes


def decode_frame(
    header: Dataset,
    frame: Buffer,
    *,
    transfer_syntax_uid: str,
    frame_number: int,
    bit_offset: int = 0,
    pixel_vr: str | None = None,
) -> NDArray[Any]:
    """Stored values of one frame, counted from 1: `(rows, columns)`, or `(rows, columns, 3)` with colour as RGB.

    `frame` is the frame's bytes: native pixels as they lie in the file, or the joined fragments of a compressed
    frame. `bit_offset` counts the bits before its first sample, for 1-bit frames that begin inside a byte.
    `pixel_vr` is the pixel data element's VR, which matters for floating point pixels and for 8-bit pixels in big
    endian files.

    Raises `Invalid`, with code `NOT_RENDERABLE` for pixels of a kind that is not read here (video, retired colour
    models, more than `MAX_SAMPLES`), otherwise naming the attribute that is missing or contradicts the bytes.
    The array may be a view of `frame` and read-only. The header is not changed.
    """
    if frame_number < 1:
        raise Invalid("frames are counted from 1")
    form = pixel_format(header, pixel_vr=pixel_vr)
    with in_turn(form):
        return frame_values(
            form, frame, transfer_syntax_uid=transfer_syntax_uid, bit_offset=bit_offset, pixel_vr=pixel_vr
        )


def frame_values(
    form: PixelFormat,
    frame: Buffer,
    *,
    transfer_syntax_uid: str,
    bit_offset: int = 0,
    pixel_vr: str | None = None,
) -> NDArray[Any]:
    """The same, of a frame whose format is known."""
    if can_decode(transfer_syntax_uid):
        return compressed_frame(form, bytes(frame), transfer_syntax_uid)
    if transfer_syntax_uid not in _LITTLE_ENDIAN and transfer_syntax_uid != _BIG_ENDIAN:
        raise Invalid(f"transfer syntax {transfer_syntax_uid} cannot be rendered", code="NOT_RENDERABLE")
    big_endian = transfer_syntax_uid == _BIG_ENDIAN
    return native_frame(form, frame, big_endian=big_endian, bit_offset=bit_offset, pixel_vr=pixel_vr)


def transcode_frame(
    header: Dataset,
    frame: Buffer,
    *,
    transfer_syntax_uid: str,
    frame_number: int,
    bit_offset: int = 0,
    pixel_vr: str | None = None,
) -> bytes:
    """One frame as Explicit VR Little Endian holds it, at the header's bit depth; arguments and errors as above.

    Colour is RGB with the samples of a pixel together, whatever the header says of it: who sends these bytes sends
    PhotometricInterpretation RGB and PlanarConfiguration 0 with them. 1-bit frames begin at a byte.
    """
    form = pixel_format(header, pixel_vr=pixel_vr)
    values = decode_frame(
        header,
        frame,
        transfer_syntax_uid=transfer_syntax_uid,
        frame_number=frame_number,
        bit_offset=bit_offset,
        pixel_vr=pixel_vr,
    )
    if form.bits_allocated == 1:
        return np.packbits(values.reshape(-1), bitorder="little").tobytes()
    return _placed(values, form).tobytes()


def _placed(values: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    """Little endian words with the stored bits where HighBit says that they lie."""
    if values.dtype.itemsize > form.dtype.itemsize:
        values = _narrowed(values, form)
    shift = form.high_bit + 1 - form.bits_stored
    placed = np.left_shift(values, shift) if shift and not form.floating else values
    return placed.astype(form.dtype.newbyteorder("<"), copy=False)


def _narrowed(values: NDArray[Any], form: PixelFormat) -> NDArray[Any]:
    limits = np.iinfo(str(form.dtype))
    if values.min() < limits.min or values.max() > limits.max:
        name = attributes.tag_name("BitsAllocated")
        raise Invalid(f"{name} is {form.bits_allocated}, too few for what the compressed frame holds")
    return values


def _has_palette(header: Dataset) -> bool:
    names = (f"{prefix}RedPaletteColorLookupTableData" for prefix in ("", "Segmented"))
    return any(attributes.has_value(header, each) for each in names)

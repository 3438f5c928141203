"""Frames out of their compression, as they would lie in an uncompressed instance (PS3.5 8.1, 8.2, Annex A.4).

Components stay what they were coded as, where the process is lossless; what a decoder has to turn into RGB (JPEG's
YCbCr, the colour transforms of JPEG 2000) is said to be RGB. Samples are pixel by pixel, signs are extended to
BitsAllocated, so that the header is right with as few changes as possible.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom_node.frame_form import FrameForm
from storage.codecs import DEFLATED_FRAMES, Coded, StreamForm, can_decode, decode_stream, inflated_frame
from storage.errors import Invalid
from storage.structure import tag_name

_ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"


@dataclass(frozen=True)
class NativeFrame:
    """One frame's bytes, little endian, and the form they now have."""

    data: bytes
    form: FrameForm


def decompress_frame(form: FrameForm, stream: bytes, transfer_syntax_uid: str) -> NativeFrame:
    """Raises `Invalid` for a stream that is broken or does not fit the header, `Invalid` with code ``NO_CODEC`` for
    a transfer syntax that cannot be decompressed here."""
    if transfer_syntax_uid == _ENCAPSULATED_NATIVE:
        return _native(form, stream)
    if transfer_syntax_uid == DEFLATED_FRAMES:
        return _native(form, inflated_frame(stream, form.frame_bits // 8))
    coded = decode_stream(_stream_form(form), stream, transfer_syntax_uid)
    return _samples(_coloured(form, coded), coded.samples, coded.precision)


def can_decompress(transfer_syntax_uid: str) -> bool:
    """Whether there is a codec."""
    return transfer_syntax_uid == _ENCAPSULATED_NATIVE or can_decode(transfer_syntax_uid)


def _stream_form(form: FrameForm) -> StreamForm:
    return StreamForm(
        rows=form.rows,
        columns=form.columns,
        samples_per_pixel=form.samples_per_pixel,
        bits_allocated=form.bits_allocated,
        photometric_interpretation=form.photometric_interpretation,
    )


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


def _coloured(form: FrameForm, coded: Coded) -> FrameForm:
    """The colour that the samples now have; chrominance is there for each pixel."""
    if form.samples_per_pixel == 1:
        return form
    return replace(form, photometric_interpretation="YBR_FULL" if coded.ybr else "RGB")


def _samples(form: FrameForm, samples: NDArray[Any], precision: int) -> NativeFrame:
    """What a codec gave, in words of BitsAllocated. `precision` is how many low bits were coded."""
    form = replace(form, planar_configuration=0)
    if not form.sample_bytes:
        return _native(form, np.packbits(samples.reshape(-1), bitorder="little").tobytes())
    if samples.dtype.itemsize > form.sample_bytes:
        raise Invalid(f"{tag_name(0x00280100)} is too small for the samples of a compressed frame")
    words = _extended(samples.astype(f"<i{form.sample_bytes}"), form, precision)
    high_bit = form.high_bit if precision > form.high_bit else form.bits_stored - 1
    return NativeFrame(words.tobytes(), replace(form, high_bit=high_bit))


def _extended(words: NDArray[Any], form: FrameForm, precision: int) -> NDArray[Any]:
    """Bits above the coded ones: the sign, or zero. Codestreams know no sign, or tell another than the header."""
    unused = form.bits_allocated - precision
    if unused <= 0:
        return words
    sign = "i" if form.pixel_representation else "u"
    raised: NDArray[Any] = np.left_shift(words, unused).view(f"<{sign}{form.sample_bytes}")
    np.right_shift(raised, unused, out=raised)
    return raised

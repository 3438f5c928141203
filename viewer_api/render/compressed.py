"""Frames that are compressed, as stored values (PS3.5 Annex A.4)."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from storage.codecs import DEFLATED_FRAMES, StreamForm, decode_stream, inflated_frame
from viewer_api.render.native import native_frame
from viewer_api.render.pixel_format import PixelFormat
from viewer_api.render.stored_bits import stored_values
from viewer_api.render.ybr import rgb_from_ybr


def compressed_frame(form: PixelFormat, stream: bytes, transfer_syntax_uid: str) -> NDArray[Any]:
    """Stored values `form.shape` of one frame, colour as RGB; errors are those of `decode_stream`."""
    if transfer_syntax_uid == DEFLATED_FRAMES:
        return native_frame(form, inflated_frame(stream, (form.samples * form.bits_allocated + 7) // 8))
    coded = decode_stream(_stream_form(form), stream, transfer_syntax_uid)
    values = stored_values(coded.samples, form, precision=coded.precision)
    return rgb_from_ybr(values, min(form.bits_stored, coded.precision)) if coded.ybr else values


def _stream_form(form: PixelFormat) -> StreamForm:
    return StreamForm(
        rows=form.rows,
        columns=form.columns,
        samples_per_pixel=form.samples_per_pixel,
        bits_allocated=form.bits_allocated,
        photometric_interpretation=form.photometric_interpretation,
    )

"""JPEG XL frames (ISO 18181)."""

from __future__ import annotations

import numpy as np

from storage.codecs.form import Coded, StreamForm


def decode_jpeg_xl(form: StreamForm, stream: bytes) -> Coded:
    """The size stands in bit-packed fields, so that the codec itself compares it with the room that it is given."""
    import imagecodecs

    room = np.empty(form.shape, f"u{form.sample_bytes}")
    return Coded(imagecodecs.jpegxl_decode(stream, numthreads=1, out=room), form.bits_allocated)

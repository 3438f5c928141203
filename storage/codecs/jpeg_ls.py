"""JPEG-LS frames (ISO 14495-1)."""

from __future__ import annotations

from storage.codecs.form import Coded, StreamForm
from storage.codecs.jpeg_header import jpeg_header, require_end


def decode_jpeg_ls(form: StreamForm, stream: bytes) -> Coded:
    """JPEG-LS codes components as they are, so that here the header alone tells the colour."""
    import imagecodecs

    header = jpeg_header(stream)
    form.require_size(header.rows, header.columns, len(header.components))
    require_end(stream)
    return Coded(imagecodecs.jpegls_decode(stream), header.precision, form.says_ybr)

"""Which decoder reads which transfer syntax."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from storage.codecs.form import PIXEL_DATA, Coded, StreamForm
from storage.codecs.jpeg import decode_jpeg
from storage.codecs.jpeg2000 import decode_htj2k, decode_jpeg2000
from storage.codecs.jpeg_ls import decode_jpeg_ls
from storage.codecs.jpeg_xl import decode_jpeg_xl
from storage.codecs.rle import decode_rle
from storage.errors import Invalid

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression: `inflated_frame` gives a native frame, whose samples are for the caller."""

_DECODERS: dict[str, Callable[[StreamForm, bytes], Coded]] = {
    "1.2.840.10008.1.2.4.50": decode_jpeg,
    "1.2.840.10008.1.2.4.51": decode_jpeg,
    "1.2.840.10008.1.2.4.53": decode_jpeg,
    "1.2.840.10008.1.2.4.55": decode_jpeg,
    "1.2.840.10008.1.2.4.57": decode_jpeg,
    "1.2.840.10008.1.2.4.70": decode_jpeg,
    "1.2.840.10008.1.2.4.80": decode_jpeg_ls,
    "1.2.840.10008.1.2.4.81": decode_jpeg_ls,
    "1.2.840.10008.1.2.4.90": decode_jpeg2000,
    "1.2.840.10008.1.2.4.91": decode_jpeg2000,
    "1.2.840.10008.1.2.4.110": decode_jpeg_xl,
    "1.2.840.10008.1.2.4.111": decode_jpeg_xl,
    "1.2.840.10008.1.2.4.112": decode_jpeg_xl,
    "1.2.840.10008.1.2.4.201": decode_htj2k,
    "1.2.840.10008.1.2.4.202": decode_htj2k,
    "1.2.840.10008.1.2.4.203": decode_jpeg2000,
    "1.2.840.10008.1.2.5": decode_rle,
}


def can_decode(transfer_syntax_uid: str) -> bool:
    """Whether frames of this transfer syntax are compressed in a way that is read here."""
    return transfer_syntax_uid in _DECODERS or transfer_syntax_uid == DEFLATED_FRAMES


def decode_stream(form: StreamForm, stream: bytes, transfer_syntax_uid: str) -> Coded:
    """The samples of one frame, its fragments joined.

    Raises `Invalid` for a stream that is broken, cut short or of another size than the header says, with code
    ``NO_CODEC`` for a transfer syntax without a decoder. Sizes are compared before pixels are decoded, so that a
    forged stream costs no memory.
    """
    decoder = _DECODERS.get(transfer_syntax_uid)
    if decoder is None:
        raise Invalid(f"no codec for transfer syntax {transfer_syntax_uid}", code="NO_CODEC")
    try:
        coded = decoder(form, stream)
        return coded._replace(samples=coded.samples.reshape(form.shape))
    # Codecs tell of broken streams by RuntimeError, and by the others where the break confuses their wrapper.
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError, struct.error, zlib.error) as why:
        raise Invalid(
            f"{PIXEL_DATA}: the frame cannot be decoded as transfer syntax {transfer_syntax_uid}"
        ) from why

"""Compressed frames to samples: one decoder for each transfer syntax (PS3.5 Annex A.4), for both wires.

The codecs are imagecodecs', which let other threads run while they work. They are imported when the first frame is
decoded: most processes of the service never decode one.
"""

from storage.codecs.decoding import DEFLATED_FRAMES, can_decode, decode_stream
from storage.codecs.deflate import inflated_frame
from storage.codecs.form import Coded, StreamForm

__all__ = [
    "DEFLATED_FRAMES",
    "Coded",
    "StreamForm",
    "can_decode",
    "decode_stream",
    "inflated_frame",
]

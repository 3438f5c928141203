"""The home of codecs: what it reads, what it costs a process that reads nothing, and that both wires agree."""

from __future__ import annotations

import subprocess
import sys

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset

from dicom_node.decompression import can_decompress, decompress_frame
from dicom_node.frame_form import frame_form
from storage.codecs import StreamForm, can_decode, decode_stream
from storage.errors import Invalid
from viewer_api.render import transcode_frame

RANDOM = np.random.default_rng(7)
SIGNED = (RANDOM.integers(-2048, 2048, (40, 31)) >> 3).astype(np.int16)
WORDS = SIGNED.view(np.uint16) & 0xFFF
COLOUR = RANDOM.integers(0, 256, (40, 31, 3), dtype=np.uint8)
LOSSLESS = {
    "1.2.840.10008.1.2.4.70": imagecodecs.ljpeg_encode,
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.90": lambda values: imagecodecs.jpeg2k_encode(
        values, codecformat="j2k", reversible=True
    ),
    "1.2.840.10008.1.2.4.110": lambda values: imagecodecs.jpegxl_encode(values, lossless=True),
    "1.2.840.10008.1.2.4.201": lambda values: imagecodecs.htj2k_encode(values, reversible=True),
}


def header(values: np.ndarray, bits: int, *, signed: int = 0) -> Dataset:
    """What the Image Pixel module says of the values."""
    told = Dataset()
    told.Rows, told.Columns = values.shape[:2]
    told.SamplesPerPixel = 3 if values.ndim == 3 else 1
    told.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    told.PlanarConfiguration = 0
    told.BitsAllocated = 8 * values.itemsize
    told.BitsStored, told.HighBit, told.PixelRepresentation = bits, bits - 1, signed
    return told


@pytest.mark.parametrize("uid", LOSSLESS)
def test_both_wires_give_the_same_stored_bits(uid: str) -> None:
    grey = header(WORDS, 12, signed=1)
    stream = LOSSLESS[uid](WORDS)
    sent = decompress_frame(frame_form(grey), stream, uid).data
    native = transcode_frame(grey, stream, transfer_syntax_uid=uid, frame_number=1)
    for data in (sent, native):
        assert np.array_equal(np.frombuffer(data, "<u2").reshape(WORDS.shape) & 0xFFF, WORDS)


@pytest.mark.parametrize("uid", [each for each in LOSSLESS if not each.endswith(".70")])
def test_both_wires_give_the_same_colours(uid: str) -> None:
    colour = header(COLOUR, 8)
    stream = LOSSLESS[uid](COLOUR)
    sent = decompress_frame(frame_form(colour), stream, uid)
    assert sent.form.photometric_interpretation == "RGB"
    assert sent.data == transcode_frame(colour, stream, transfer_syntax_uid=uid, frame_number=1)
    assert sent.data == COLOUR.tobytes()


def test_both_wires_know_the_same_syntaxes() -> None:
    uids = [f"1.2.840.10008.1.2.4.{number}" for number in range(300)]
    assert [can_decode(uid) for uid in uids] == [can_decompress(uid) for uid in uids]
    assert sum(can_decode(uid) for uid in uids) > 14


def test_transfer_syntax_without_a_decoder() -> None:
    with pytest.raises(Invalid) as caught:
        decode_stream(StreamForm(1, 1, 1, 8, "MONOCHROME2"), b"", "1.2.840.10008.1.2.4.100")
    assert (caught.value.message, caught.value.code) == (
        "no codec for transfer syntax 1.2.840.10008.1.2.4.100",
        "NO_CODEC",
    )


def test_codecs_are_imported_when_a_frame_is_decoded() -> None:
    told = "import sys, dicom_node.outgoing, storage.codecs, viewer_api.render; print('imagecodecs' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", told], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n"

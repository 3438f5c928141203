"""Headers and frames that cannot be rendered: the answer names the attribute, and forged sizes cost nothing."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc

import imagecodecs
import numpy as np
import pytest
from file_frames import colour_header, decoded, image_header, opened
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import MPEG4HP41, ExplicitVRLittleEndian, JPEG2000Lossless

from storage.errors import Invalid
from viewer_api.render import (
    MAX_SAMPLES,
    can_render,
    decode_frame,
    modality_values,
    render_frame,
    transcode_frame,
)


def told_by(header: Dataset, frame: bytes = bytes(8), uid: str = ExplicitVRLittleEndian) -> Invalid:
    with pytest.raises(Invalid) as caught:
        render_frame(header, frame, transfer_syntax_uid=uid, frame_number=1)
    return caught.value


@pytest.mark.parametrize(
    "keyword", ["Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"]
)
@pytest.mark.parametrize("empty", [False, True])
def test_missing_attribute(keyword: str, empty: bool) -> None:
    header = image_header(2, 2)
    tag = header.data_element(keyword).tag
    if empty:
        header[keyword].value = None
    else:
        del header[keyword]
    error = told_by(header)
    assert error.message == f"({tag.group:04X},{tag.element:04X}) {keyword} is missing"
    assert error.code == "INVALID"
    assert not can_render(header)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"Rows": 0}, "(0028,0010) Rows is 0"),
        ({"Columns": 0}, "(0028,0011) Columns is 0"),
        ({"BitsStored": 0}, "(0028,0101) BitsStored is 0, which (0028,0100) BitsAllocated 16 cannot hold"),
        ({"BitsStored": 17}, "(0028,0101) BitsStored is 17, which (0028,0100) BitsAllocated 16 cannot hold"),
        ({"PixelRepresentation": 2}, "(0028,0103) PixelRepresentation is 2, neither 0 nor 1"),
        ({"PlanarConfiguration": 3}, "(0028,0006) PlanarConfiguration is 3, neither 0 nor 1"),
        (
            {"SamplesPerPixel": 3},
            "(0028,0002) SamplesPerPixel is 3, (0028,0004) PhotometricInterpretation MONOCHROME2 has 1",
        ),
        (
            {"PhotometricInterpretation": "RGB"},
            "(0028,0002) SamplesPerPixel is 1, (0028,0004) PhotometricInterpretation RGB has 3",
        ),
    ],
)
def test_attribute_that_cannot_be(attributes: dict[str, object], told: str) -> None:
    header = image_header(2, 2, **{"HighBit": 15, "BitsStored": 16, **attributes})
    assert told_by(header).message == told
    assert not can_render(header)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"BitsAllocated": 12}, "(0028,0100) BitsAllocated 12 cannot be rendered"),
        (
            {"PhotometricInterpretation": "CMYK"},
            "(0028,0004) PhotometricInterpretation CMYK cannot be rendered",
        ),
        (
            {"Rows": 65535, "Columns": 65535},
            "(0028,0010) Rows x (0028,0011) Columns is 65535 x 65535, more than can be rendered",
        ),
    ],
)
def test_kind_that_is_not_rendered(attributes: dict[str, object], told: str) -> None:
    header = image_header(2, 2)
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    error = told_by(header)
    assert (error.message, error.code) == (told, "NOT_RENDERABLE")
    assert not can_render(header)


def test_retired_native_colour() -> None:
    error = told_by(colour_header(2, 2, "YBR_PARTIAL_422"), bytes(12))
    assert error.message == "(0028,0004) PhotometricInterpretation YBR_PARTIAL_422 is retired"
    assert error.code == "NOT_RENDERABLE"


@pytest.mark.parametrize("uid", [MPEG4HP41, "1.2.826.0.1.3680043.9.9999.1", ""])
def test_transfer_syntax_that_is_not_read(uid: str) -> None:
    error = told_by(image_header(2, 2), uid=uid)
    assert (error.message, error.code) == (f"transfer syntax {uid} cannot be rendered", "NOT_RENDERABLE")
    header = image_header(2, 2)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = uid or "1.2.3"
    assert not can_render(header)


def test_what_can_be_rendered() -> None:
    header = image_header(2, 2)
    assert can_render(header)
    header.file_meta = FileMetaDataset()
    assert can_render(header)
    header.file_meta.TransferSyntaxUID = JPEG2000Lossless
    assert can_render(header)
    assert not can_render(Dataset())
    palette = image_header(2, 2, PhotometricInterpretation="PALETTE COLOR")
    assert not can_render(palette)
    palette.RedPaletteColorLookupTableData = b"\0\0"
    assert can_render(palette)


@pytest.mark.parametrize(
    ("header", "length", "needed"),
    [
        (image_header(2, 3), 11, 12),
        (image_header(2, 3), 0, 12),
        (colour_header(2, 3), 17, 18),
        (colour_header(2, 4, "YBR_FULL_422"), 15, 16),
        (image_header(3, 3, BitsAllocated=1), 1, 2),
        (image_header(1, 1, BitsAllocated=64), 7, 8),
    ],
)
def test_short_native_frame(header: Dataset, length: int, needed: int) -> None:
    size = f"(0028,0010) Rows {header.Rows} x (0028,0011) Columns {header.Columns}"
    told = f"(7FE0,0010) PixelData holds {length} bytes for the frame, {size} needs {needed}"
    assert told_by(header, bytes(length)).message == told


def test_frames_are_counted_from_one() -> None:
    for function in (decode_frame, render_frame, transcode_frame):
        with pytest.raises(Invalid, match="frames are counted from 1"):
            function(image_header(2, 2), bytes(8), transfer_syntax_uid=ExplicitVRLittleEndian, frame_number=0)


@pytest.mark.parametrize("uid", [f"1.2.840.10008.1.2.4.{each}" for each in (50, 70, 80, 90, 110, 201)])
def test_forged_size_costs_no_memory(uid: str) -> None:
    """A header of the largest size allowed, and a stream of three bytes."""
    header = image_header(16384, MAX_SAMPLES // 16384, BitsAllocated=16)
    tracemalloc.start()
    error = told_by(header, b"\xff\xd8\xff", uid)
    assert error.message.startswith("(7FE0,0010) PixelData")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20 or uid.endswith("110")


def test_unreadable_values_are_named() -> None:
    header = image_header(2, 2)
    header.add_new("RescaleSlope", "LO", "steep")
    with pytest.raises(Invalid) as caught:
        modality_values(header, decoded(header, bytes(8)), frame_number=1)
    assert caught.value.message == "(0028,1053) RescaleSlope is no number"
    header.add_new("Rows", "LO", "many")
    assert told_by(header).message == "(0028,0010) Rows is no whole number"


def test_high_bit_outside_the_word_is_passed_over() -> None:
    header = image_header(1, 1, BitsStored=12, HighBit=40)
    assert decoded(header, b"\x34\xf2").tolist() == [[0x234]]


def test_first_of_several_values_counts() -> None:
    header = image_header(1, 1)
    header["Rows"].value = [1, 7]
    assert decoded(header, b"\1\0").tolist() == [[1]]


@settings(max_examples=300)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Rows": st.integers(0, 65535),
            "Columns": st.integers(0, 65535),
            "SamplesPerPixel": st.integers(0, 5),
            "PhotometricInterpretation": st.sampled_from(
                ["MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "HSV"]
            ),
            "BitsAllocated": st.sampled_from([1, 8, 12, 16, 32, 64]),
            "BitsStored": st.integers(0, 65),
            "HighBit": st.integers(0, 65),
            "PixelRepresentation": st.integers(0, 2),
            "PlanarConfiguration": st.integers(0, 2),
            "PixelPaddingValue": st.integers(0, 65535),
            "RescaleSlope": st.floats(-1e6, 1e6).map(lambda number: f"{number:.6g}"),
            "RescaleIntercept": st.floats(-1e9, 1e9).map(lambda number: f"{number:.6g}"),
            "WindowCenter": st.floats(-1e9, 1e9).map(lambda number: f"{number:.6g}"),
            "WindowWidth": st.floats(-1e9, 1e9).map(lambda number: f"{number:.6g}"),
        },
    ),
    st.sampled_from([ExplicitVRLittleEndian, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"]),
    st.binary(max_size=200),
)
def test_any_header_is_a_picture_or_a_clear_error(
    attributes: dict[str, object], uid: str, frame: bytes
) -> None:
    header = image_header(2, 3)
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    try:
        picture = render_frame(header, frame * 20, transfer_syntax_uid=uid, frame_number=1)
    except Invalid as error:
        told = error.message
    else:
        told = "(" if opened(picture.content).size == (header.Columns, header.Rows) else "another size"
    assert told.startswith("(")


BOMB = {
    "JPEG": ("1.2.840.10008.1.2.4.50", lambda: imagecodecs.jpeg8_encode(BLANK), b"\xff\xc0", 5, ">2H"),
    "JPEG lossless": (
        "1.2.840.10008.1.2.4.70",
        lambda: imagecodecs.ljpeg_encode(BLANK),
        b"\xff\xc3",
        5,
        ">2H",
    ),
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", lambda: imagecodecs.jpegls_encode(BLANK), b"\xff\xf7", 5, ">2H"),
    "JPEG 2000": ("1.2.840.10008.1.2.4.90", lambda: _codestream(BLANK), b"\xff\x51", 6, ">2I"),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", lambda: imagecodecs.htj2k_encode(BLANK), b"\xff\x51", 6, ">2I"),
}
BLANK = np.zeros((64, 64), np.uint8)


def _codestream(values: np.ndarray) -> bytes:
    return imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True)


@pytest.mark.parametrize("codec", BOMB)
@pytest.mark.parametrize("side", [60_000, 9_999])
@pytest.mark.parametrize("header_agrees", [True, False])
def test_stream_that_claims_a_large_frame(codec: str, side: int, header_agrees: bool) -> None:
    """60,000 x 60,000 is refused by the header or the stream's own; 10,000 x 10,000 in a few bytes by the codec."""
    uid, encode, marker, offset, sizes = BOMB[codec]
    stream = bytearray(encode())
    struct.pack_into(sizes, stream, stream.index(marker) + offset, side, side)
    header = (
        image_header(side, side, BitsAllocated=8) if header_agrees else image_header(64, 64, BitsAllocated=8)
    )
    started = time.process_time()
    tracemalloc.start()
    assert told_by(header, bytes(stream), uid).message.startswith("(")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (2 * side * side if header_agrees and side < 10_000 else 2**20)
    assert time.process_time() - started < 10


def test_more_scans_than_a_frame_needs() -> None:
    """Each scan of a progressive frame visits the whole frame, however few bytes it has."""
    out = io.BytesIO()
    Image.fromarray(np.zeros((4096, 4096), np.uint8)).save(out, "jpeg", progressive=True)
    stream = out.getvalue()
    scan = stream[stream.rindex(b"\xff\xda") : -2]
    error = told_by(
        image_header(4096, 4096, BitsAllocated=8),
        stream[:-2] + 600 * scan + b"\xff\xd9",
        "1.2.840.10008.1.2.4.50",
    )
    assert error.message == "(7FE0,0010) PixelData: the frame has 606 scans, too many for its size"


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"])
def test_tiles_that_are_not_there(uid: str) -> None:
    """Decoders leave them black and say nothing."""
    stream = bytearray(_codestream(BLANK) if uid.endswith("90") else imagecodecs.htj2k_encode(BLANK))
    struct.pack_into(">2I", stream, stream.index(b"\xff\x51") + 22, 1, 1)
    error = told_by(image_header(64, 64, BitsAllocated=8), bytes(stream), uid)
    assert error.message == "(7FE0,0010) PixelData: the JPEG 2000 codestream has 1 of 4096 tiles"

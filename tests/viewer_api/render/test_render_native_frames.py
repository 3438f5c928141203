"""Native frames: stored bits, sign, byte order, 1-bit, planes, subsampled chrominance, floating point."""

from __future__ import annotations

import numpy as np
import pytest
from file_frames import colour_header, decoded, image_header, shown
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from storage.errors import Invalid
from viewer_api.render import transcode_frame


@st.composite
def stored_words(draw: st.DrawFn) -> tuple[int, int, int, bool, list[int]]:
    """Bits allocated, stored, high bit, sign, and values that these hold."""
    allocated = draw(st.sampled_from([8, 16, 32]))
    stored = draw(st.integers(1, allocated))
    high_bit = draw(st.integers(stored - 1, allocated - 1))
    signed = draw(st.booleans())
    low = -(1 << (stored - 1)) if signed else 0
    values = draw(st.lists(st.integers(low, low + (1 << stored) - 1), min_size=1, max_size=40))
    return allocated, stored, high_bit, signed, values


@given(stored_words(), st.integers(0, 2**32 - 1), st.booleans())
def test_stored_values_survive_garbage_in_unused_bits(
    told: tuple[int, int, int, bool, list[int]], garbage: int, big_endian: bool
) -> None:
    allocated, stored, high_bit, signed, values = told
    shift, mask = high_bit + 1 - stored, (1 << stored) - 1
    noise = garbage & ((1 << allocated) - 1) & ~(mask << shift)
    words = np.array([((value & mask) << shift) | noise for value in values], f"u{allocated // 8}")
    header = image_header(
        1,
        len(values),
        BitsAllocated=allocated,
        BitsStored=stored,
        HighBit=high_bit,
        PixelRepresentation=int(signed),
    )
    frame = words.astype(words.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
    ours = decoded(header, frame, ExplicitVRBigEndian) if big_endian else decoded(header, frame)
    assert ours.tolist() == [values]
    assert ours.dtype == np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")


@given(stored_words())
def test_transcoded_frame_decodes_to_the_same(told: tuple[int, int, int, bool, list[int]]) -> None:
    allocated, stored, high_bit, signed, values = told
    header = image_header(
        1,
        len(values),
        BitsAllocated=allocated,
        BitsStored=stored,
        HighBit=high_bit,
        PixelRepresentation=int(signed),
    )
    words = np.array([(value << (high_bit + 1 - stored)) & ((1 << allocated) - 1) for value in values])
    frame = words.astype(f">u{allocated // 8}").tobytes()
    native = transcode_frame(header, frame, transfer_syntax_uid=ExplicitVRBigEndian, frame_number=1)
    assert len(native) == len(frame)
    assert decoded(header, native).tolist() == [values]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 7), st.data())
def test_single_bits_run_on_across_rows_and_bytes(
    rows: int, columns: int, bit_offset: int, data: st.DataObject
) -> None:
    bits = data.draw(st.lists(st.integers(0, 1), min_size=rows * columns, max_size=rows * columns))
    before = data.draw(st.lists(st.integers(0, 1), min_size=bit_offset, max_size=bit_offset))
    frame = np.packbits(np.array(before + bits, np.uint8), bitorder="little").tobytes()
    header = image_header(rows, columns, BitsAllocated=1)
    ours = decoded(header, frame, bit_offset=bit_offset)
    assert ours.reshape(-1).tolist() == bits
    told = {"transfer_syntax_uid": ImplicitVRLittleEndian, "frame_number": 1, "bit_offset": bit_offset}
    assert decoded(header, transcode_frame(header, frame, **told)).reshape(-1).tolist() == bits


def test_single_bits_show_black_and_white() -> None:
    header = image_header(1, 8, BitsAllocated=1)
    assert shown(header, np.array([0b10110001], np.uint8)).tolist() == [[255, 0, 0, 0, 255, 255, 0, 255]]
    assert shown(header, np.array([0xFF], np.uint8)).min() == 255


@pytest.mark.parametrize(
    "uid", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.1.98"]
)
def test_little_endian_syntaxes(uid: str) -> None:
    assert decoded(image_header(1, 2), b"\x01\x00\x00\x02\x00", uid).tolist() == [[1, 512]]


@pytest.mark.parametrize("view", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(view: type) -> None:
    assert decoded(image_header(1, 2), view(b"\x01\x00\x00\x02")).tolist() == [[1, 512]]


def test_planes_are_woven_together() -> None:
    rgb = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    header = colour_header(2, 3, PlanarConfiguration=1)
    planes = rgb.transpose(2, 0, 1).tobytes()
    assert np.array_equal(decoded(header, planes), rgb)
    assert (
        transcode_frame(header, planes, transfer_syntax_uid=ImplicitVRLittleEndian, frame_number=1)
        == rgb.tobytes()
    )


def test_swapped_pairs_of_bytes() -> None:
    """8-bit samples under VR OW in a big endian file lie in swapped pairs (PS3.5 7.3)."""
    header = colour_header(1, 3)
    assert decoded(header, b"\1\0\3\2\5\4\7\6\0\x08", ExplicitVRBigEndian, pixel_vr="OW").tolist() == [
        [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    ]
    assert decoded(header, bytes(range(9)), ExplicitVRBigEndian, pixel_vr="OB")[0, 2].tolist() == [6, 7, 8]
    with pytest.raises(Invalid, match="holds 8 bytes for the frame"):
        decoded(header, b"\1\0\3\2\5\4\7\6\0", ExplicitVRBigEndian, pixel_vr="OW")


def test_frame_within_a_swapped_word() -> None:
    header = colour_header(1, 1)
    ours = decoded(header, b"\1\0\3\2", ExplicitVRBigEndian, pixel_vr="OW", bit_offset=8)
    assert ours.tolist() == [[[1, 2, 3]]]


def _subsampled(ybr: np.ndarray) -> bytes:
    """Y Y Cb Cr for each two pixels of a row; an odd row's last pair repeats its last pixel."""
    padded = np.pad(ybr, ((0, 0), (0, ybr.shape[1] % 2), (0, 0)), mode="edge")
    pairs = padded.reshape(-1, 2, 3)
    return np.concatenate([pairs[:, :, 0], pairs[:, 0, 1:]], axis=1).tobytes()


@pytest.mark.parametrize("columns", [2, 8, 7, 1])
def test_subsampled_chrominance(columns: int) -> None:
    ybr = np.random.default_rng(columns).integers(0, 256, (4, columns, 3), dtype=np.uint8)
    ybr[:, 1::2, 1:] = ybr[:, : columns // 2 * 2 : 2, 1:]
    ours = decoded(colour_header(4, columns, "YBR_FULL_422"), _subsampled(ybr))
    wanted = convert_color_space(ybr, "YBR_FULL", "RGB")
    assert np.abs(ours.astype(int) - wanted).max() <= 1


def test_subsampled_pairs_that_run_on_into_the_next_row() -> None:
    ybr = np.full((2, 3, 3), 128, np.uint8)
    ybr[..., 0] = [[10, 20, 30], [40, 50, 60]]
    frame = _subsampled(ybr.reshape(1, 6, 3))
    assert len(frame) == 12
    assert decoded(colour_header(2, 3, "YBR_FULL_422"), frame)[..., 0].tolist() == [
        [10, 20, 30],
        [40, 50, 60],
    ]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_deep_colour_turns_to_rgb(bits: int) -> None:
    """PS3.3 C.7.6.3.1.2, straight."""
    allocated, middle = (8 if bits == 8 else 16), 1 << (bits - 1)
    ybr = np.random.default_rng(bits).integers(0, 1 << bits, (16, 16, 3)).astype(f"u{allocated // 8}")
    header = colour_header(16, 16, "YBR_FULL", BitsAllocated=allocated, BitsStored=bits, HighBit=bits - 1)
    y, cb, cr = (ybr[..., each].astype(float) for each in range(3))
    cb, cr = cb - middle, cr - middle
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    ours = decoded(header, ybr.tobytes())
    assert np.abs(ours - np.clip(rgb, 0, (1 << bits) - 1)).max() <= (1.01 if bits == 8 else 0.51)


def test_deep_colour_shows_its_upper_bits() -> None:
    header = colour_header(1, 2, BitsAllocated=16, BitsStored=12, HighBit=11)
    values = np.array([[[0, 4095, 2048], [16, 8, 4087]]], np.uint16)
    assert shown(header, values).tolist() == [[[0, 255, 128], [1, 0, 255]]]


@pytest.mark.parametrize(("bits", "keyword"), [(32, "OF"), (64, "OD")])
def test_floating_point_pixels(bits: int, keyword: str) -> None:
    values = np.array([[0.25, 0.5], [np.nan, 0.75]], f"<f{bits // 8}")
    header = image_header(2, 2, BitsAllocated=bits, PixelRepresentation=None)
    del header.PixelRepresentation
    for told in ({"pixel_vr": keyword}, {}):
        assert np.array_equal(decoded(header, values.tobytes(), **told), values, equal_nan=True)
    assert shown(header, values).tolist() == [[0, 128], [0, 255]]


def test_decoding_costs_no_copy() -> None:
    frame = bytes(512 * 512 * 2)
    assert not decoded(image_header(512, 512), frame).flags.owndata

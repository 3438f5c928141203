"""Frame ranges: every frame that pydicom finds is one range of the instance's bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from storage.errors import Invalid, NotFound
from storage.frames import PixelLayout, PixelShape, encapsulated_layout, join_fragments, native_layout
from storage.header import read_header
from storage.part10 import inspect_file
from storage.structure import Element

PIXELS = Element(0x7FE00010, b"OB", 0, 0, None)


@pytest.mark.parametrize(
    "name",
    [
        "JPEG2000.dcm",
        "emri_small_RLE.dcm",
        "color3d_jpeg_baseline.dcm",
        "SC_rgb_rle_2frame.dcm",
        "emri_small_jpeg_ls_lossless.dcm",
        "JPEG2000-embedded-sequence-delimiter.dcm",
    ],
)
def test_encapsulated_frames_are_those_of_pydicom(name: str) -> None:
    path = str(get_testdata_file(name))
    dataset = dcmread(path)
    frames = int(dataset.get("NumberOfFrames", 1))
    with open(path, "rb") as file:  # noqa: PTH123
        buffer = file.read()
    info = inspect_file(buffer)
    body = buffer[info.dataset_offset :]
    layout = read_header(body, 0, info.transfer_syntax_uid).layout
    assert layout is not None
    expected = list(generate_frames(dataset.PixelData, number_of_frames=frames))
    for number, frame in enumerate(expected, start=1):
        place = layout.frame(number)
        assert join_fragments(body[place.start : place.end]) == frame


@given(
    frames=st.lists(st.binary(min_size=6, max_size=40), min_size=1, max_size=6),
    fragments=st.integers(1, 3),
    table=st.booleans(),
)
def test_what_was_encapsulated_comes_apart_again(frames: list[bytes], fragments: int, table: bool) -> None:
    frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    data = encapsulate(frames, fragments_per_frame=fragments, has_bot=table)
    layout = encapsulated_layout(data, PIXELS, len(frames))
    if layout.problem:
        assert not table, layout.problem
        return
    back = [layout.frame(number) for number in range(1, len(frames) + 1)]
    assert [join_fragments(data[place.start : place.end]) for place in back] == frames


def test_an_extended_offset_table_tells_frames_apart() -> None:
    frames = [b"ab" * 5, b"cd" * 9, b"ef" * 2]
    data, offsets, _ = encapsulate_extended(frames)
    layout = encapsulated_layout(data, PIXELS, 3, struct.unpack("<3Q", offsets))
    assert [join_fragments(data[f.start : f.end]) for f in map(layout.frame, (1, 2, 3))] == frames


def test_a_forged_fragment_length_is_refused() -> None:
    data = bytearray(encapsulate([b"\1" * 20]))
    data[16:20] = struct.pack("<L", 0x7FFFFFFF)  # after the 12 bytes of a one-entry offset table and the tag
    with pytest.raises(Invalid, match="a fragment announces 2147483647 bytes"):
        encapsulated_layout(bytes(data), PIXELS, 1)


def fragments_of(size: int, count: int) -> tuple[bytes, Element]:
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", size) + bytes(size)
    data = item * count + b"\xfe\xff\xdd\xe0" + bytes(4)
    return data, Element(0x7FE00010, b"OB", 0, 0, None)


@pytest.mark.parametrize(("size", "frames"), [(0, 1), (0, 2_000_000), (2, 2_000_000), (20, 100)])
def test_fragments_without_number_and_substance_are_refused(size: int, frames: int) -> None:
    """Two million of them fit into fifteen megabytes, and each costs time."""
    data, element = fragments_of(size, 200_000)
    with pytest.raises(Invalid, match="fragments"):
        encapsulated_layout(data, element, frames)


@pytest.mark.parametrize(
    ("size", "count", "frames"), [(40, 200_001, 200_000), (1000, 20_000, 1), (0, 1000, 1)]
)
def test_many_fragments_with_a_reason_are_taken(size: int, count: int, frames: int) -> None:
    """The tiles of a slide, and one large image cut small."""
    data, element = fragments_of(size, count)
    assert encapsulated_layout(data, element, frames).problem == ""


def test_frames_that_cannot_be_told_apart_say_so_when_asked() -> None:
    layout = encapsulated_layout(encapsulate([b"\1\2"] * 3, has_bot=False), PIXELS, 2)
    with pytest.raises(Invalid, match="cannot be told apart into 2 frames"):
        layout.frame(1)


def test_one_bit_frames_begin_within_a_byte() -> None:
    shape = PixelShape(rows=3, columns=3, samples_per_pixel=1, bits_allocated=1, number_of_frames=3)
    layout = native_layout(Element(0x7FE00010, b"OB", 0, 100, 4), shape)
    place = layout.frame(2)
    assert (place.start, place.end, place.bit_offset) == (101, 103, 1)


def test_more_frames_than_bytes_is_said_when_a_frame_is_asked() -> None:
    shape = PixelShape(
        rows=60_000, columns=60_000, samples_per_pixel=3, bits_allocated=16, number_of_frames=1_000_000
    )
    layout = native_layout(Element(0x7FE00010, b"OW", 0, 0, 1000), shape)
    with pytest.raises(Invalid, match="has 1000 bytes; 1000000 frames"):
        layout.frame(1)


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_frame_that_is_not_there_is_not_found(number: int) -> None:
    shape = PixelShape(rows=2, columns=2, samples_per_pixel=1, bits_allocated=8, number_of_frames=3)
    with pytest.raises(NotFound, match="has 3"):
        native_layout(Element(0x7FE00010, b"OB", 0, 0, 12), shape).frame(number)


@given(
    st.builds(
        PixelLayout,
        st.integers(0, 2**40),
        st.integers(0, 2**40),
        st.integers(1, 10**6),
        st.integers(0, 2**40),
        st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40))).map(tuple),
        st.text(),
    )
)
def test_a_layout_survives_the_index(layout: PixelLayout) -> None:
    assert PixelLayout.from_bytes(layout.to_bytes()) == layout

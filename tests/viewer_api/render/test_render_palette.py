"""Palette colour: entries of 8 and 16 bits, few entries, signed indices, segments, supplemental palettes."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from file_frames import image_header, shown
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

from storage.errors import Invalid
from viewer_api.render.segmented_palette import expanded_segments

COLOURS = ("Red", "Green", "Blue")


def palette_header(columns: int, descriptor: list[int], tables: list[bytes], **attributes: object) -> Dataset:
    prefix = attributes.pop("prefix", "")
    header = image_header(1, columns, **{"PhotometricInterpretation": "PALETTE COLOR", **attributes})
    for colour, table in zip(COLOURS, tables, strict=True):
        setattr(header, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        setattr(header, f"{prefix}{colour}PaletteColorLookupTableData", table)
    return header


def tables16(count: int) -> list[bytes]:
    generator = np.random.default_rng(count)
    return [generator.integers(256, 65536, count).astype("<u2").tobytes() for _ in COLOURS]


@pytest.mark.parametrize("count", [256, 10, 1])
@pytest.mark.parametrize("first", [0, 5, 250])
def test_sixteen_bit_entries(count: int, first: int) -> None:
    tables = tables16(count)
    values = np.arange(256, dtype=np.uint8).reshape(1, 256)
    ours = shown(palette_header(256, [count, first, 16], tables, BitsAllocated=8), values)
    for each, table in enumerate(tables):
        entries = np.frombuffer(table, "<u2") >> 8
        wanted = [entries[min(max(value - first, 0), count - 1)] for value in range(256)]
        assert ours[0, :, each].tolist() == wanted


def test_eight_bit_entries_in_bytes_and_in_words() -> None:
    entries = np.random.default_rng(1).integers(0, 256, (3, 256), dtype=np.uint8)
    values = np.arange(256, dtype=np.uint8).reshape(1, 256)
    for kind in ("u1", "<u2"):
        header = palette_header(
            256, [256, 0, 8], [row.astype(kind).tobytes() for row in entries], BitsAllocated=8
        )
        assert np.array_equal(shown(header, values)[0].T, entries)


def test_entries_of_eight_bits_that_claim_sixteen() -> None:
    tables = [np.arange(256, dtype="<u2").tobytes()] * 3
    values = np.arange(256, dtype=np.uint8).reshape(1, 256)
    ours = shown(palette_header(256, [256, 0, 16], tables, BitsAllocated=8), values)
    assert ours[0, :, 0].tolist() == list(range(256))


def test_signed_first_mapped_value() -> None:
    """PS3.3 C.7.6.3.1.5: as signed as the pixels; a reader that takes it for unsigned says 65534."""
    tables = [bytes([0, 10, 0, 20, 0, 30, 0, 40])] * 3
    for first in (-2, 65534):
        values = np.array([[-3, -2, -1, 0, 1, 2]], np.int16)
        header = palette_header(6, [4, 0, 16], tables, PixelRepresentation=1)
        for colour in COLOURS:
            header[f"{colour}PaletteColorLookupTableDescriptor"].VR = "SS" if first < 0 else "US"
            header[f"{colour}PaletteColorLookupTableDescriptor"].value = [4, first, 16]
        assert shown(header, values)[0, :, 0].tolist() == [10, 10, 20, 30, 40, 40]


def test_sixty_five_thousand_entries_are_written_as_zero() -> None:
    tables = [np.arange(65536, dtype="<u2").tobytes()] * 3
    values = np.array([[0, 256, 65535]], np.uint16)
    assert shown(palette_header(3, [0, 0, 16], tables), values)[0, :, 0].tolist() == [0, 1, 255]


@pytest.mark.parametrize("bits", [8, 16])
def test_segments_are_pydicoms(bits: int) -> None:
    """Discrete, linear, indirect (the first segment again): PS3.3 C.7.9.2."""
    top = 255 if bits == 8 else 65535
    offset = [0, 0, 0, 0] if bits == 8 else [0, 0]
    segments = [0, 2, 3, top, 1, 10, 20, 0, 1, top // 2, 2, 1, *offset, 1, 5, 0]
    data = np.array(segments, "u1" if bits == 8 else "<u2").tobytes()
    descriptor = [20, 0, bits]
    header = palette_header(
        20, descriptor, [data + b"\0" * (len(data) % 2)] * 3, BitsAllocated=8, prefix="Segmented"
    )
    values = np.arange(20, dtype=np.uint8).reshape(1, 20)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    theirs = apply_color_lut(values, header) >> (bits - 8)
    assert np.array_equal(shown(header, values), theirs)


@given(st.lists(st.integers(0, 300), max_size=40), st.booleans())
def test_broken_segments_end_in_a_clear_error(data: list[int], wide: bool) -> None:
    with contextlib.suppress(Invalid):
        entries = expanded_segments(data, wide=wide, keyword="SegmentedRedPaletteColorLookupTableData")
        assert len(entries) > 0


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        ([1, 4, 200], "has a ramp without a start or an end"),
        ([7, 1, 1], "has a segment of unknown kind"),
        ([0, 1, 9, 2, 1, 50, 0], "has a segment that points nowhere"),
        ([0], "holds no entries"),
    ],
)
def test_what_is_wrong_with_segments(segments: list[int], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        expanded_segments(segments, wide=True, keyword="SegmentedBluePaletteColorLookupTableData")
    assert caught.value.message == f"(0028,1223) SegmentedBluePaletteColorLookupTableData {told}"


def test_missing_palette() -> None:
    header = image_header(1, 1, PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(Invalid, match=r"\(0028,1101\) RedPaletteColorLookupTableDescriptor is missing"):
        shown(header, np.zeros((1, 1), np.uint16))
    header.RedPaletteColorLookupTableDescriptor = [4, 0, 16]
    with pytest.raises(Invalid, match=r"\(0028,1221\) SegmentedRedPaletteColorLookupTableData is missing"):
        shown(header, np.zeros((1, 1), np.uint16))


def test_supplemental_palette_colours_its_range_alone() -> None:
    tables = [b"\0\xff\0\x00", b"\0\x00\0\xff", b"\0\x80\0\x80"]
    header = palette_header(
        5,
        [2, 1000, 16],
        tables,
        PhotometricInterpretation="MONOCHROME2",
        PixelPresentation="COLOR",
        Modality="CT",
    )
    values = np.array([[0, 500, 1000, 1001, 1002]], np.uint16)
    wanted = [[0, 0, 0], [127, 127, 127], [255, 0, 128], [0, 255, 128], [255, 255, 255]]
    assert np.abs(shown(header, values)[0].astype(int) - wanted).max() <= 1
    header.PixelPresentation = "MONOCHROME"
    assert shown(header, values).shape == (1, 5)

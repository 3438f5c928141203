"""The next image of a series: whatever is different in it, its header is what a reading of its own says."""

from __future__ import annotations

import random

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.header import read_early
from storage.next_header import HeaderReader

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def encoded(dataset: Dataset, syntax: str) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    write_dataset(out, dataset)
    return bytes(out.getvalue())


def image(number: int, **changes: object) -> Dataset:
    found = dcmread(str(get_testdata_file("CT_small.dcm")))
    found.SOPInstanceUID, found.InstanceNumber = f"1.2.840.{10**number}", number
    for keyword, value in changes.items():
        setattr(found, keyword, value)
    return found


CHANGES = (
    {"ImagePositionPatient": [1, 2, -3.5]},
    {"SliceLocation": -77},
    {"AcquisitionTime": "101112"},
    {"PatientName": "Other^Name"},
    {"PatientID": "4711"},
    {"SeriesInstanceUID": "1.2.3"},
    {"Modality": "MR"},
    {"Rows": 64},
    {"ImageComments": "neu"},
    {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "王^小东"},
    {"InstanceNumber": None},
    {"NumberOfFrames": 2},
    {"BodyPartExamined": "HEAD"},
)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_series_reads_as_each_of_its_images(syntax: str) -> None:
    reader = HeaderReader("")
    for number, changes in enumerate([*CHANGES, *({} for _ in range(12)), *CHANGES], 1):
        data = encoded(image(number, **changes), syntax)
        early = reader.read_early(data, syntax)
        assert early == read_early(data, syntax)
        assert early is not None
        assert early.header.packed == read_early(data, syntax).header.packed  # type: ignore[union-attr]
        assert early.header.packed_layout == read_early(data, syntax).header.packed_layout  # type: ignore[union-attr]
        assert early.header.sop_instance_uid == f"1.2.840.{10**number}"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_whatever_byte_is_different(syntax: str) -> None:
    """Every byte of the header in turn, and some thousand pairs of them."""
    data = encoded(image(1), syntax)
    known = read_early(data, syntax)
    assert known is not None
    dice = random.Random(20261123)
    places = [[place] for place in range(known.pixels_start)]
    places += [[dice.randrange(known.pixels_start) for _ in range(2)] for _ in range(1000)]
    for changed in places[:: 3 if syntax == ExplicitVRLittleEndian else 11]:
        reader = HeaderReader("")
        reader.read_early(data, syntax)
        other = bytearray(data)
        for place in changed:
            other[place] = dice.choice((0, 32, 0x31, 0xFF, dice.randrange(256)))
        assert reader.read_early(bytes(other), syntax) == read_early(bytes(other), syntax)


def test_a_series_of_alike_images_is_compared_and_a_mixed_one_no_more() -> None:
    reader = HeaderReader("")
    for number in range(1, 10):
        reader.read_early(encoded(image(number % 3), ExplicitVRLittleEndian), ExplicitVRLittleEndian)
    assert (reader.alike, reader.unlike) == (8, 1)
    for number in range(40):
        data = encoded(image(1, PatientID=str(number)), ExplicitVRLittleEndian)
        assert reader.read_early(data, ExplicitVRLittleEndian) is not None
    assert (reader.alike, reader.unlike) == (8, 41)
    reader.read_early(data, ExplicitVRLittleEndian)
    assert reader.alike == 8

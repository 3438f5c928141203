"""Large and nested binary values: by reference in the header, and read back from the bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from query_studies import KASHI, made_archive, put

from storage.bulkdata import bulk_value, complete_header, pixel_vr
from storage.errors import NotFound
from storage.ingest import Sender, ingest_file
from storage.json_model import BULK_THRESHOLD, header_dataset, json_text, little_endian, to_json
from storage.retrieve import first_instance
from storage.tables import instance


@pytest.fixture
def archive(tmp_path):
    archive = made_archive(tmp_path)
    yield archive
    archive.close()


def stored(archive, receipt):
    with archive.database.read() as connection:
        return first_instance(connection, instance.c.sop_instance_uid == receipt.sop_instance_uid)


def ingested(archive, name):
    data = Path(get_testdata_file(name)).read_bytes()
    return stored(archive, ingest_file(archive, data, Sender(KASHI, "TEST")))


def references(value, key=None):
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in references(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return [value] if key == "BulkDataURI" else []


def test_a_waveform_is_told_by_its_place_in_the_sequence(archive):
    found = ingested(archive, "waveform_ecg.dcm")
    expected = ["bulkdata/54000100/0/54001010", "bulkdata/54000100/1/54001010"]
    assert references(found.header_json(archive.blobs)) == expected
    original = pydicom.dcmread(get_testdata_file("waveform_ecg.dcm"))
    for index in (0, 1):
        value = bulk_value(archive, found, f"54000100/{index}/54001010")
        assert value.data == original.WaveformSequence[index].WaveformData
        assert value.vr == "OW"


@pytest.mark.parametrize(
    "path",
    [
        "54000100/2/54001010",
        "54000100/0",
        "54000100",
        "00420011",
        "x",
        "",
        "54000100/x/1",
        "00100010",
        "-1",
        "54000100/-9/54001010",
    ],
)
def test_what_is_no_bulk_value_is_not_found(archive, path):
    found = ingested(archive, "waveform_ecg.dcm")
    with pytest.raises(NotFound):
        bulk_value(archive, found, path)


def test_the_complete_header_holds_large_values(archive):
    document = bytes(range(256)) * 100
    found = stored(archive, put(archive, "1", EncapsulatedDocument=document))
    assert references(found.header_json(archive.blobs)) == ["bulkdata/00420011"]
    assert complete_header(archive, found).EncapsulatedDocument == document
    assert bulk_value(archive, found, "00420011").data == document


@pytest.mark.parametrize(
    "name",
    [
        "examples_palette.dcm",
        "image_dfl.dcm",
        "JPEG2000.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "rtdose.dcm",
    ],
)
def test_the_header_is_read_without_the_pixels(archive, name):
    found = ingested(archive, name)
    original = pydicom.dcmread(get_testdata_file(name))
    header = complete_header(archive, found)
    assert header.Rows == original.Rows
    assert {e.tag for e in original if e.tag < 0x7FE00000 and e.tag.element} - {0x00080005} <= set(
        header.keys()
    )


@pytest.mark.parametrize(
    ("name", "vr"),
    [
        ("MR_small_bigendian.dcm", "OW"),
        ("JPEG2000.dcm", "OB"),
        ("MR_small_implicit.dcm", None),
        ("test-SR.dcm", None),
        ("image_dfl.dcm", "OB"),
    ],
)
def test_the_pixels_vr(archive, name, vr):
    assert pixel_vr(archive, ingested(archive, name)) == vr


def test_big_endian_values_become_little_endian():
    words = np.arange(4, dtype=">u2")
    assert little_endian(words.tobytes(), "OW") == words.astype("<u2").tobytes()
    doubles = np.arange(4, dtype=">f8")
    assert little_endian(doubles.tobytes(), "OD") == doubles.astype("<f8").tobytes()
    assert little_endian(b"abc", "OB") == b"abc"


def test_inline_values_of_a_big_endian_file_are_little_endian(archive):
    dataset = pydicom.Dataset()
    dataset.add_new(0x00281201, "OW", np.arange(4, dtype=">u2").tobytes())
    dataset.set_original_encoding(False, False, "ascii")
    assert header_dataset(to_json(dataset))[0x00281201].value == np.arange(4, dtype="<u2").tobytes()


def test_json_has_no_word_for_what_is_no_number():
    dataset = pydicom.Dataset()
    dataset.add_new(0x00189087, "FD", float("nan"))
    dataset.add_new(0x00720074, "FD", [1.5, float("inf")])
    model = json.loads(json_text(to_json(dataset)))
    assert model["00189087"]["Value"] == [None]
    assert model["00720074"]["Value"] == [1.5, None]


def test_an_empty_sequence_and_an_empty_value_have_no_value():
    dataset = pydicom.Dataset()
    dataset.add_new(0x00081140, "SQ", [])
    inside = pydicom.Dataset()
    inside.add_new(0x00081150, "UI", "")
    inside.add_new(0x00420011, "OB", bytes(BULK_THRESHOLD + 2))
    dataset.add_new(0x00081115, "SQ", [pydicom.Dataset(), inside])
    model = to_json(dataset)
    assert model["00081140"] == {"vr": "SQ"}
    nested = model["00081115"]["Value"][1]
    assert nested["00081150"] == {"vr": "UI"}
    assert nested["00420011"] == {"vr": "OB", "BulkDataURI": "bulkdata/00081115/1/00420011"}

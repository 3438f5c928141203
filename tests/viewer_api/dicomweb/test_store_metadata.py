"""STOW-RS of metadata with bulk data: what is put together is what was taken apart."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from served import made_document

KIND = 'multipart/related; type="application/dicom+json"; boundary=b'
OCTETS = "application/octet-stream"


def body(*parts):
    """(content type, location, content) each."""
    pieces = []
    for content_type, location, content in parts:
        head = f"--b\r\nContent-Type: {content_type}\r\n"
        head += f"Content-Location: {location}\r\n" if location else ""
        pieces.append(head.encode() + b"\r\n" + content + b"\r\n")
    return b"".join(pieces) + b"--b--\r\n"


def metadata(*models):
    return "application/dicom+json", "", json.dumps(models).encode()


def apart(dataset):
    """The model, and the values beyond a kilobyte by what the model calls them."""
    values = {}

    def keep(element):
        uri = f"bulk/{dataset.SOPInstanceUID}/{element.tag:08X}/{len(values)}"
        values[uri] = element.value
        return uri

    return dataset.to_json_dict(1024, keep), values


def post(client, *parts):
    return client.post("/studies", content=body(*parts), headers={"Content-Type": KIND})


def stored(client, dataset):
    uids = f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
    url = f"{uids}/instances/{dataset.SOPInstanceUID}"
    return pydicom.dcmread(io.BytesIO(client.get(url, headers={"Accept": "application/dicom"}).content))


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "examples_palette.dcm", "waveform_ecg.dcm", "rtplan.dcm", "document"]
)
def test_values_come_back(empty, name):
    source = io.BytesIO(made_document()) if name == "document" else get_testdata_file(name)
    dataset = pydicom.dcmread(source)
    model, values = apart(dataset)
    with empty.client("technician") as kashi:
        answer = post(kashi, metadata(model), *((OCTETS, uri, value) for uri, value in values.items()))
        assert answer.status_code == 200, answer.text
        kept = stored(kashi, dataset)
    for element in dataset:
        if element.VR in ("OB", "OW", "US", "SS", "CS", "SH", "UI") and not element.tag.is_private:
            assert kept[element.tag].value == element.value or element.keyword == "SpecificCharacterSet"
    assert kept.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("told_by", ["part", "metadata", "media type"])
def test_compressed_frames_come_one_a_part(empty, told_by):
    dataset = pydicom.dcmread(get_testdata_file("emri_small_RLE.dcm"))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=10))
    model, _ = apart(dataset)
    model["7FE00010"] = {"vr": "OB", "BulkDataURI": "pixels"}
    kind = {"media type": "image/dicom-rle", "part": f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.5"}
    if told_by == "metadata":
        model["00083002"] = {"vr": "UI", "Value": ["1.2.840.10008.1.2.5"]}
    with empty.client("technician") as kashi:
        parts = [(kind.get(told_by, OCTETS), "pixels", frame) for frame in frames]
        assert post(kashi, metadata(model), *parts).status_code == 200
        kept = stored(kashi, dataset)
        assert kept.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
        assert list(generate_frames(kept.PixelData, number_of_frames=10)) == frames
        assert (
            post(
                kashi, metadata({**model, "00080018": {"vr": "UI", "Value": ["1.2.3"]}}), *parts[1:]
            ).status_code
            == 409
        )


def test_one_that_lacks_its_values_does_not_fail_the_others(empty):
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    good, values = apart(dataset)
    bad = {
        **good,
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "nowhere"},
    }
    wrong = {"00080018": {"vr": "UI", "Value": ["1.2.4"]}, "00100010": {"vr": "PN", "Value": 7}}
    with empty.client("technician") as kashi:
        parts = [(OCTETS, uri, value) for uri, value in values.items()]
        answer = post(kashi, metadata(bad, good, wrong), *parts)
    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == 1
    failed = answer.json()["00081198"]["Value"]
    assert [item["00081155"]["Value"] for item in failed] == [["1.2.3"], ["1.2.4"]]
    assert [item["00081197"]["Value"] for item in failed] == [[0xC000], [0xC000]]


DEEP = b'{"00080018":' + b'{"vr":"SQ","Value":[{"00080018":' * 5000


@pytest.mark.parametrize(
    "content", [b"", b"no JSON", b"7", b"[[]]", DEEP, DEEP + b"1" + b"}]}" * 5000 + b"}"]
)
def test_what_is_no_metadata(empty, content):
    with empty.client("technician") as kashi:
        answer = post(kashi, ("application/dicom+json", "", content))
        assert answer.status_code in (400, 409), answer.text
        assert kashi.get("/studies").json() == []
    assert not list(Path(empty.archive.incoming).iterdir())


def test_a_sequence_two_hundred_deep(empty):
    model = inner = {}
    for _ in range(200):
        item = {}
        inner["00081140"] = {"vr": "SQ", "Value": [item]}
        inner = item
    with empty.client("technician") as kashi:
        assert post(kashi, metadata(model)).status_code == 409

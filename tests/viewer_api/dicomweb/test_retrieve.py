"""WADO-RS instances, frames and bulk data: the bytes as they came, in the form that clients read."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array
from served import KASHI_FILES, PDF, PRIVATE_SYNTAX, parts_of

LE = "1.2.840.10008.1.2.1"
STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
NATIVE = f'multipart/related; type="application/octet-stream"; transfer-syntax={LE}'
IMAGES = [name for name in KASHI_FILES if name not in ("rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm")]
COMPRESSED = {
    "JPEG2000.dcm": ("image/jp2", "1.2.840.10008.1.2.4.91"),
    "SC_rgb_jpeg_dcmtk.dcm": ("image/jpeg", "1.2.840.10008.1.2.4.50"),
    "emri_small_RLE.dcm": ("image/dicom-rle", "1.2.840.10008.1.2.5"),
}

LOSSY = {"SC_rgb_jpeg_dcmtk.dcm": 2}
"""By how much two decoders of lossy JPEG may differ."""


def frames_of(dataset):
    return list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1))))


@pytest.mark.parametrize("name", KASHI_FILES)
def test_an_instance_comes_back_bit_for_bit(served, kashi, name):
    stored = served[name]
    answer = kashi.get(stored.url, headers={"Accept": 'multipart/related; type="application/dicom"'})
    ((content_type, content),) = parts_of(answer)
    assert content_type == f"application/dicom; transfer-syntax={stored.receipt.transfer_syntax_uid}"
    single = kashi.get(stored.url, headers={"Accept": "application/dicom"})
    assert single.headers["content-type"].startswith("application/dicom")
    assert single.content == content
    assert int(single.headers["content-length"]) == len(content)
    dataset_at = 132 + 12 + stored.dataset.file_meta.FileMetaInformationGroupLength
    assert content.endswith(stored.original[dataset_at:])


def test_series_and_study(served, kashi):
    stored = served["slice 1"]
    for path in (stored.series, stored.study):
        answer = kashi.get(path, headers={"Accept": 'multipart/related; type="application/dicom"'})
        numbers = [pydicom.dcmread(io.BytesIO(part)).InstanceNumber for _, part in parts_of(answer)]
        assert numbers == [1, 2, 3, 4, 5]


def test_instances_are_not_transcoded(served, kashi):
    wanted = f'multipart/related; type="application/dicom"; transfer-syntax={LE}'
    assert kashi.get(served["CT_small.dcm"].url, headers={"Accept": wanted}).status_code == 200
    refused = kashi.get(served["JPEG2000.dcm"].url, headers={"Accept": wanted})
    assert refused.status_code == 406
    assert "1.2.840.10008.1.2.4.91" in refused.json()["detail"]
    assert kashi.get(served["slice 1"].study, headers={"Accept": "application/dicom"}).status_code == 406


@pytest.mark.parametrize("accept", [STORED, STORED.replace('"', "")])
@pytest.mark.parametrize("name", list(COMPRESSED))
def test_compressed_frames_as_stored(served, kashi, name, accept):
    media_type, syntax = COMPRESSED[name]
    answer = kashi.get(f"{served[name].url}/frames/1", headers={"Accept": accept})
    ((content_type, content),) = parts_of(answer)
    assert content_type == f"{media_type}; transfer-syntax={syntax}"
    assert content == frames_of(served[name].dataset)[0]


@pytest.mark.parametrize("accept", [STORED, NATIVE, "*/*", 'multipart/related; type="*/*"'])
@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_palette.dcm", "image_dfl.dcm"])
def test_native_frames_are_untouched(served, kashi, name, accept):
    ((content_type, content),) = parts_of(
        kashi.get(f"{served[name].url}/frames/1", headers={"Accept": accept})
    )
    assert content_type == f"application/octet-stream; transfer-syntax={LE}"
    assert content == served[name].dataset.PixelData[: len(content)]
    assert len(content) >= len(served[name].dataset.PixelData) - 1


@pytest.mark.parametrize("accept", [NATIVE, "*/*", 'multipart/related; type="application/octet-stream"'])
@pytest.mark.parametrize("name", [name for name in IMAGES if name != "liver.dcm"])
def test_frames_uncompressed(served, kashi, name, accept):
    dataset = served[name].dataset
    ((content_type, content),) = parts_of(
        kashi.get(f"{served[name].url}/frames/1", headers={"Accept": accept})
    )
    assert content_type == f"application/octet-stream; transfer-syntax={LE}"
    expected = pixel_array(dataset, index=0)
    assert np.abs(raw(content, expected).astype(int) - expected.astype(int)).max() <= LOSSY.get(name, 0)


def raw(content, like):
    return np.frombuffer(content, like.dtype.newbyteorder("<"), count=like.size).reshape(like.shape)


def test_one_bit_frames_begin_at_a_byte(served, kashi):
    dataset = served["liver.dcm"].dataset
    answer = kashi.get(f"{served['liver.dcm'].url}/frames/1,2,3", headers={"Accept": NATIVE})
    for (_, content), expected in zip(parts_of(answer), dataset.pixel_array, strict=True):
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        assert np.array_equal(bits[: expected.size].reshape(expected.shape), expected)


def test_several_frames_in_the_order_asked(served, kashi):
    stored = served["emri_small_RLE.dcm"]
    expected = frames_of(stored.dataset)
    answer = kashi.get(f"{stored.url}/frames/3,1,10", headers={"Accept": STORED})
    assert [content for _, content in parts_of(answer)] == [expected[2], expected[0], expected[9]]


@pytest.mark.parametrize(
    ("name", "accept", "status"),
    [
        ("JPEG2000.dcm", 'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.91', 200),
        ("JPEG2000.dcm", "multipart/related; type=image/jp2", 200),
        ("JPEG2000.dcm", 'multipart/related; type="image/*"', 200),
        ("JPEG2000.dcm", "image/jp2", 200),
        (
            "JPEG2000.dcm",
            'multipart/related; type="image/jls"; transfer-syntax="1.2.840.10008.1.2.4.80"',
            406,
        ),
        (
            "JPEG2000.dcm",
            'multipart/related; type="image/jp2"; transfer-syntax="1.2.840.10008.1.2.4.90"',
            406,
        ),
        ("JPEG2000.dcm", "multipart/related; type=image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202", 406),
        ("JPEG2000.dcm", 'multipart/related; type="image/jls", multipart/related; type="image/jp2"', 200),
        ("CT_small.dcm", 'multipart/related; type="image/*"', 406),
        ("CT_small.dcm", "application/octet-stream", 200),
        ("CT_small.dcm", "image/jpeg", 406),
        ("CT_small.dcm", "text/html, */*;q=0", 406),
        ("emri_small_RLE.dcm", 'multipart/related; type="image/x-dicom-rle"', 200),
    ],
)
def test_what_is_acceptable(served, kashi, name, accept, status):
    answer = kashi.get(f"{served[name].url}/frames/1", headers={"Accept": accept})
    assert answer.status_code == status, answer.text[:300]
    if status == 406:
        assert answer.json()["code"] == "NOT_ACCEPTABLE"


def test_frames_in_an_unknown_syntax_are_given_as_they_are_or_not_at_all(served, kashi):
    stored = served["private syntax"]
    expected = frames_of(served["JPEG2000.dcm"].dataset)
    for accept in ("*/*", STORED):
        for path in ("frames/1", "bulkdata/7FE00010"):
            answer = kashi.get(f"{stored.url}/{path}", headers={"Accept": accept})
            assert parts_of(answer) == [
                (f"application/octet-stream; transfer-syntax={PRIVATE_SYNTAX}", expected[0])
            ]
    refused = kashi.get(f"{stored.url}/frames/1", headers={"Accept": NATIVE})
    assert refused.status_code == 406
    assert PRIVATE_SYNTAX in refused.json()["detail"]
    assert kashi.get(f"{stored.url}/rendered").json()["code"] == "NOT_RENDERABLE"


def test_a_single_frame_without_parts(served, kashi):
    answer = kashi.get(
        f"{served['CT_small.dcm'].url}/frames/1", headers={"Accept": "application/octet-stream"}
    )
    assert answer.headers["content-type"].startswith("application/octet-stream")
    assert answer.content == served["CT_small.dcm"].dataset.PixelData


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ("0", 400),
        ("x", 400),
        ("1,", 400),
        ("-1", 400),
        ("11", 404),
        ("1,11", 404),
        ("99999999999", 400),
        ("1,2", 200),
    ],
)
def test_frame_numbers(served, kashi, frames, status):
    assert kashi.get(f"{served['emri_small_RLE.dcm'].url}/frames/{frames}").status_code == status


def test_an_object_without_pixels_has_no_frames(served, kashi):
    assert kashi.get(f"{served['rtplan.dcm'].url}/frames/1").status_code == 404


def test_frames_are_kept_for_ever(served, kashi):
    url = f"{served['CT_small.dcm'].url}/frames/1"
    first = kashi.get(url, headers={"Accept": STORED})
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = kashi.get(url, headers={"Accept": STORED, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    single = kashi.get(url, headers={"Accept": "application/octet-stream"})
    assert single.headers["etag"] != first.headers["etag"]


def test_many_frames_at_once(served, kashi):
    stored = served["emri_small_RLE.dcm"]
    expected = frames_of(stored.dataset)

    def fetch(number):
        return parts_of(kashi.get(f"{stored.url}/frames/{number}", headers={"Accept": STORED}))[0][1]

    with ThreadPoolExecutor(25) as pool:
        assert list(pool.map(fetch, list(range(1, 11)) * 10)) == expected * 10


def test_head_tells_the_length_and_sends_nothing(served, kashi):
    url = f"{served['CT_small.dcm'].url}/frames/1"
    answer = kashi.head(url, headers={"Accept": "application/octet-stream"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(served["CT_small.dcm"].dataset.PixelData)
    assert answer.content == b""


def bulk(client, stored, path, accept):
    return client.get(f"{stored.url}/bulkdata/{path}", headers={"Accept": accept})


def test_a_document_as_ohif_asks(served, kashi):
    accept = 'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"'
    ((content_type, content),) = parts_of(bulk(kashi, served["document"], "00420011", accept))
    assert (content_type, content) == ("application/pdf", PDF)
    single = bulk(kashi, served["document"], "00420011", "application/pdf")
    assert single.content == PDF
    octets = bulk(kashi, served["document"], "00420011", "application/octet-stream")
    assert octets.content == PDF + b"\0"


def test_a_document_of_another_kind_is_octets(served, kashi):
    answer = bulk(kashi, served["no pixels"], "00420011", "*/*")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert bulk(kashi, served["no pixels"], "00420011", "application/pdf").status_code == 406


def test_a_waveform(served, kashi):
    stored = served["waveform_ecg.dcm"]
    answer = bulk(kashi, stored, "54000100/1/54001010", "application/octet-stream")
    assert answer.content == stored.dataset.WaveformSequence[1].WaveformData
    assert bulk(kashi, stored, "54000100/7/54001010", "*/*").status_code == 404


def test_a_palette(served, kashi):
    accept = 'multipart/related; type="application/octet-stream"'
    stored = served["examples_palette.dcm"]
    ((_, content),) = parts_of(bulk(kashi, stored, "00281201", accept))
    assert content == stored.dataset.RedPaletteColorLookupTableData


@pytest.mark.parametrize("name", ["CT_small.dcm", "image_dfl.dcm", "liver.dcm"])
def test_all_pixels_of_a_native_instance(served, kashi, name):
    for accept in ("application/octet-stream", NATIVE):
        answer = bulk(kashi, served[name], "7FE00010", accept)
        content = parts_of(answer)[0][1] if "multipart" in accept else answer.content
        expected = served[name].dataset.PixelData
        assert content == expected[: len(content)]
        assert len(content) >= len(expected) - 1


def test_all_pixels_of_a_compressed_instance(served, kashi):
    stored = served["emri_small_RLE.dcm"]
    answer = bulk(kashi, stored, "7FE00010", STORED)
    assert [content for _, content in parts_of(answer)] == frames_of(stored.dataset)
    decoded = bulk(kashi, stored, "7FE00010", "application/octet-stream").content
    assert decoded == stored.dataset.pixel_array.astype("<u2").tobytes()


def test_dicomweb_client_retrieves(served):
    with served.dicomweb("technician") as client:
        stored = served["emri_small_RLE.dcm"]
        assert client.retrieve_instance(*stored.uids).PixelData == stored.dataset.PixelData
        assert len(client.retrieve_series(*served["slice 1"].uids[:2])) == 5
        assert len(client.retrieve_study(served["slice 1"].uids[0])) == 5
        frames = client.retrieve_instance_frames(*stored.uids, [1, 2])
        assert frames == [frame.astype("<u2").tobytes() for frame in stored.dataset.pixel_array[:2]]
        as_stored = client.retrieve_instance_frames(
            *stored.uids, [1], media_types=(("image/dicom-rle", "1.2.840.10008.1.2.5"),)
        )
        assert as_stored == frames_of(stored.dataset)[:1]
        document = served["document"]
        url = f"{served.url}/dicom-web{document.url}/bulkdata/00420011"
        assert client.retrieve_bulkdata(url) == [PDF]
        assert client.retrieve_bulkdata(url, media_types=("application/octet-stream",)) == [PDF + b"\0"]

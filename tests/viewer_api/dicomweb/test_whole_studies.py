"""WADO-RS of many instances: read in parallel, bounded, as parts, as pixels, as bulk data and as a ZIP file."""

from __future__ import annotations

import io
import re
import shutil
import socket
import threading
import time
import zipfile
from urllib.parse import urlsplit

import httpx
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from running import wait_for
from served import KASHI_FILES, PDF, Served, as_file, parts_of, references, serve

from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.database import Database
from storage.ingest import Sender, ingest_file

PARTS = 'multipart/related; type="application/dicom"'
STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
SLICES = 48
LATENCY_S = 0.03


class FarAway(FolderBlobs):
    """A folder that answers as late as a bucket does."""

    reads = 0

    def read(self, key, offset=0, length=None):
        self.reads += 1
        time.sleep(LATENCY_S)
        return super().read(key, offset, length)


@pytest.fixture(scope="module")
def far(tmp_path_factory, prepared_database):
    """A series of half-megabyte slices, far away."""
    folder = tmp_path_factory.mktemp("far")
    shutil.copy(prepared_database, folder / "farlight.db")
    blobs = FarAway(folder / "blobs")
    archive = Archive(Database(f"sqlite:///{folder / 'farlight.db'}"), blobs, blobs.incoming)
    for number in range(1, SLICES + 1):
        ingest_file(archive, large_slice(number), Sender("KASHI", "TEST"))
    with serve(archive) as url:
        yield Served(url, archive)
    archive.close()


def large_slice(number: int) -> bytes:
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.70", "2.25.70.1"
    dataset.SOPInstanceUID, dataset.InstanceNumber = f"2.25.70.1.{number}", number
    dataset.Rows = dataset.Columns = 512
    dataset.PixelData = number.to_bytes(2, "little") * 512 * 512
    return as_file(dataset)


def test_a_far_away_series_is_read_in_parallel(far):
    with far.client("technician") as kashi:
        begun = time.monotonic()
        answer = kashi.get("/studies/2.25.70", headers={"Accept": PARTS})
        took = time.monotonic() - begun
    datasets = [pydicom.dcmread(io.BytesIO(content)) for _, content in parts_of(answer)]
    assert [dataset.InstanceNumber for dataset in datasets] == list(range(1, SLICES + 1))
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert took < SLICES * LATENCY_S / 2


def test_a_client_that_is_gone_ends_the_reading(far):
    with far.client("technician") as kashi:
        cookie = f"farlight_session={kashi.cookies['farlight_session']}"
    at = urlsplit(far.url)
    before = far.archive.blobs.reads
    with socket.create_connection((at.hostname, at.port)) as gone:
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        asked = f"GET /dicom-web/studies/2.25.70 HTTP/1.1\r\nHost: x\r\nAccept: {PARTS}\r\nCookie: {cookie}\r\n\r\n"
        gone.sendall(asked.encode())
        assert gone.recv(1000).startswith(b"HTTP/1.1 200")
    time.sleep(0.5)
    read = far.archive.blobs.reads - before
    assert 0 < read < SLICES
    time.sleep(0.3)
    assert far.archive.blobs.reads - before == read
    assert [t.name for t in threading.enumerate() if "reading-ahead" in t.name]


def test_head_reads_nothing(far):
    before = far.archive.blobs.reads
    with far.client("technician") as kashi:
        for accept in (PARTS, "application/zip"):
            answer = kashi.head("/studies/2.25.70", headers={"Accept": accept})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(accept[:12])
        assert kashi.head("/studies/2.25.70/pixeldata").status_code == 200
    assert far.archive.blobs.reads == before


def test_a_zip_file_for_people(far):
    with far.client("technician") as kashi:
        answer = kashi.get("/studies/2.25.70/series/2.25.70.1", params={"accept": "application/zip"})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="2.25.70.1.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [f"series-001/{number:05}.dcm" for number in range(1, SLICES + 1)]
        assert pydicom.dcmread(io.BytesIO(packed.read("series-001/00007.dcm"))).InstanceNumber == 7


@pytest.mark.parametrize(
    "accept", ["application/zip", 'multipart/related; type="application/dicom", application/zip;q=0.5']
)
def test_what_is_wanted_more_is_given(served, kashi, accept):
    answer = kashi.get(served["slice 1"].study, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == accept.partition(";")[0]


def test_what_could_be_had_instead_is_told(served, kashi):
    stored = served["JPEG2000.dcm"]
    refused = kashi.get(stored.study, headers={"Accept": "application/dicom+xml"})
    assert refused.status_code == 406
    assert refused.json()["available"] == [
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.91',
        "application/zip",
    ]
    frames = kashi.get(f"{stored.url}/frames/1", headers={"Accept": "image/jls"})
    assert frames.json()["available"] == [
        'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.91',
        'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1',
    ]
    assert kashi.get(
        stored.study, headers={"Accept": f"{PARTS}; transfer-syntax=1.2.840.10008.1.2.4.91"}
    ).is_success


@pytest.mark.parametrize("name", ["CT_small.dcm", "emri_small_RLE.dcm", "JPEG2000.dcm"])
@pytest.mark.parametrize("level", ["study", "series", "url"])
def test_pixel_data_at_every_level(served, kashi, name, level):
    stored = served[name]
    dataset, frames = stored.dataset, [stored.dataset.PixelData]
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        count = int(dataset.get("NumberOfFrames", 1))
        frames = list(generate_frames(dataset.PixelData, number_of_frames=count))
    answer = kashi.get(f"{getattr(stored, level)}/pixeldata", headers={"Accept": STORED})
    assert [content for _, content in parts_of(answer)] == frames


def test_pixel_data_says_whose_frame_a_part_is(served, kashi):
    answer = kashi.get(f"{served['slice 1'].series}/pixeldata", headers={"Accept": "*/*"})
    locations = [line for line in answer.text.splitlines() if line.startswith("Content-Location: ")]
    base = f"{served.url}/sites/KASHI/dicom-web"
    urls = [f"Content-Location: {base}{served[f'slice {n}'].url}/frames/1" for n in range(1, 6)]
    assert locations == urls
    assert kashi.get(urls[2].removeprefix("Content-Location: ")).status_code == 200
    assert kashi.get(f"{served['rtplan.dcm'].study}/pixeldata").status_code == 404


@pytest.mark.parametrize("name", [*KASHI_FILES, "document"])
def test_all_bulk_data_are_those_that_metadata_refer_to(served, kashi, name):
    stored = served[name]
    for level in (stored.url, stored.series, stored.study):
        referred = sorted(references(kashi.get(f"{level}/metadata").json()))
        answer = kashi.get(f"{level}/bulkdata", headers={"Accept": STORED})
        told = set(re.findall(rb"^Content-Location: (\S+)\r$", answer.content, re.MULTILINE))
        assert sorted(url.decode() for url in told) == referred


def ranged(client, address: str, wanted: str, **headers: str) -> httpx.Response:
    return client.get(address, headers={"Accept": "application/octet-stream", "Range": wanted, **headers})


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=100-199", 206, slice(100, 200)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=100-99999999", 206, slice(100, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_ranges_of_a_value(served, kashi, wanted, status, part):
    pixels = served["CT_small.dcm"].dataset.PixelData
    cases = {
        f"{served['CT_small.dcm'].url}/bulkdata/7FE00010": pixels,
        f"{served['CT_small.dcm'].url}/pixeldata": pixels,
        f"{served['CT_small.dcm'].url}/frames/1": pixels,
        f"{served['document'].url}/bulkdata/00420011": PDF + b"\0",
    }
    for address, whole in cases.items():
        answer = ranged(kashi, address, wanted)
        assert answer.status_code == status, address
        assert answer.headers["accept-ranges"] == "bytes"
        if part is None:
            assert answer.headers["content-range"] == f"bytes */{len(whole)}"
        else:
            assert answer.content == whole[part]


def test_a_range_in_a_part(served, kashi):
    for path, whole in {"CT_small.dcm": "7FE00010", "document": "00420011"}.items():
        url = f"{served[path].url}/bulkdata/{whole}"
        headers = {"Accept": 'multipart/related; type="application/octet-stream"', "Range": "bytes=10-29"}
        expected = ranged(kashi, url, "bytes=10-29").content
        answer = kashi.get(url, headers=headers)
        assert answer.status_code == 206
        ((_, content),) = parts_of(answer)
        assert (content, len(content)) == (expected, 20)
        assert b"\r\nContent-Range: bytes 10-29/" in answer.content


def test_a_file_by_range_and_of_one_version(served, kashi):
    stored = served["CT_small.dcm"]
    whole = kashi.get(stored.url, headers={"Accept": "application/dicom"})
    headers = {"Accept": "application/dicom", "Range": "bytes=500-999"}
    part = kashi.get(stored.url, headers={**headers, "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[500:1000])
    assert part.headers["content-range"] == f"bytes 500-999/{len(whole.content)}"
    assert kashi.get(stored.url, headers={**headers, "If-Range": '"another"'}).status_code == 200
    assert kashi.head(stored.url, headers=headers).status_code == 200


def test_one_read_for_a_range_of_a_far_away_value(far):
    before = far.archive.blobs.reads
    with far.client("technician") as kashi:
        address = "/studies/2.25.70/series/2.25.70.1/instances/2.25.70.1.5/bulkdata/7FE00010"
        assert ranged(kashi, address, "bytes=1000-1003").content == b"\5\0\5\0"
    wait_for("the read", lambda: far.archive.blobs.reads == before + 1)

"""What is sent and asked to exhaust us: a clear error, in little time and memory."""

from __future__ import annotations

import io
import resource
import shutil
import socket
import struct
import time
import zlib
from contextlib import suppress
from urllib.parse import urlsplit

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless
from served import Served, serve

from storage.archive import open_archive
from storage.part10 import file_header
from viewer_api.http_protocol import MAX_HEAD, HttpProtocol

KIND = 'multipart/related; type="application/dicom"; boundary=b'
CT = "1.2.840.10008.5.1.4.1.1.2"
MOST_MEMORY, MOST_SECONDS = 300 << 20, 20


class Hasty(HttpProtocol):
    """Waits for nothing long."""

    HEAD_WITHIN_S = 0.4
    BODY_PAUSE_S = 0.4
    READ_PAUSE_S = 0.4


@pytest.fixture(scope="module")
def target(tmp_path_factory, prepared_database):
    """What is attacked."""
    folder = tmp_path_factory.mktemp("bombs")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    with serve(archive, http=Hasty) as url:
        yield Served(url, archive)
    archive.close()


@pytest.fixture
def kashi(target):
    with target.client("technician") as client:
        yield client


@pytest.fixture(autouse=True)
def bounded():
    """No test here may take much time or memory."""
    memory, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024 < MOST_MEMORY
    assert time.monotonic() - begun < MOST_SECONDS


def post(client, *files):
    content = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n" % file for file in files)
    return client.post("/studies", content=content + b"--b--\r\n", headers={"Content-Type": KIND})


def image(number, **changed):
    """A small CT image with attributes changed, and its address."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    uids = f"2.25.{number}.1", f"2.25.{number}.2", f"2.25.{number}.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uids
    for keyword, value in changed.items():
        setattr(dataset, keyword, value)
    return dataset, "/studies/{}/series/{}/instances/{}".format(*uids)


def written(dataset, syntax=ExplicitVRLittleEndian):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def deflated_thousandfold():
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 300 << 20)
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    dataset, _ = image(1)
    del dataset.PixelData
    head = written(dataset)
    at = 144 + struct.unpack_from("<L", head, 140)[0]  # behind the file meta information
    packed = deflater.compress(head[at:] + pixels)
    for _ in range(300):
        packed += deflater.compress(bytes(1 << 20))
    return file_header(CT, "2.25.1.3", DeflatedExplicitVRLittleEndian) + packed + deflater.flush()


def deep_sequence():
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    return file_header(CT, "2.25.2.3", ExplicitVRLittleEndian) + (sequence + item) * 5000


def forged_fragments(length):
    dataset, _ = image(3)
    dataset.PixelData = encapsulate([b"1234" * 100])
    dataset["PixelData"].is_undefined_length = True
    data = written(dataset, RLELossless)
    at = data.index(b"1234" * 100) - 4
    return data[:at] + struct.pack("<L", length) + data[at + 4 :]


@pytest.mark.parametrize(
    "bomb",
    [
        deflated_thousandfold,
        deep_sequence,
        lambda: forged_fragments(0xFFFFFFF0),
        lambda: forged_fragments(40_000),
    ],
    ids=["deflated 1,000:1", "5,000 deep", "a fragment of 4 GiB", "a fragment beyond the end"],
)
def test_what_cannot_be_taken_fails_alone(kashi, bomb):
    good, url = image(9)
    answer = post(kashi, bomb(), written(good))
    assert answer.status_code == 202
    assert [item["00081197"]["Value"] for item in answer.json()["00081198"]["Value"]] == [[0xC000]]
    assert kashi.get(f"{url}/metadata").status_code == 200


CLAIMS = {
    "60,000 x 60,000": {"Rows": 60_000, "Columns": 60_000},
    "a million frames": {"NumberOfFrames": 1_000_000},
    "no size": {"Rows": 0, "Columns": 0},
    "32 samples": {"SamplesPerPixel": 32},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_that_the_bytes_do_not_bear_out(kashi, claim):
    dataset, url = image(20 + list(CLAIMS).index(claim), **CLAIMS[claim])
    assert post(kashi, written(dataset)).status_code == 200
    for path in (
        "rendered",
        "frames/1",
        "frames/1/rendered",
        "bulkdata/7FE00010",
        "frames/1000000",
        "pixeldata",
    ):
        answer = kashi.get(f"{url}/{path}")
        assert answer.status_code in (200, 400, 404), (path, answer.text[:200])
    assert kashi.get(f"{url}/rendered").json()["code"] == "NOT_RENDERABLE"
    assert kashi.get(f"{url}/thumbnail").status_code == 200


def test_a_forged_offset_table(kashi):
    dataset = pydicom.dcmread(get_testdata_file("emri_small_RLE.dcm"))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=10))
    halves = [half for frame in frames for half in (frame[:100], frame[100:])]
    forged, url = image(30)
    forged = dataset
    forged.StudyInstanceUID, forged.SeriesInstanceUID, forged.SOPInstanceUID = url.split("/")[2::2]
    forged.PixelData = encapsulate(halves)
    data = bytearray(written(forged, RLELossless))
    at = data.index(struct.pack("<HH", 0xFFFE, 0xE000), len(data) - len(dataset.PixelData) - 64) + 8
    data[at : at + 80] = struct.pack("<20L", *range(0xFFFFFFFF, 0xFFFFFFFF - 20, -1))
    assert post(kashi, bytes(data)).status_code == 200
    for path in ("frames/1", "frames/10", "rendered", "pixeldata", "bulkdata"):
        assert kashi.get(f"{url}/{path}").status_code in (200, 400, 406)


def test_frame_lists(kashi):
    dataset, url = image(40)
    assert post(kashi, written(dataset)).status_code == 200
    assert kashi.get(f"{url}/frames/" + ",".join(["1"] * 100)).status_code == 200
    assert kashi.get(f"{url}/frames/" + ",".join(["1"] * 10_001)).status_code == 400
    assert (
        kashi.get(f"{url}/frames/" + ",".join(["1"] * 1001) + "/rendered?accept=image/gif").status_code == 413
    )
    assert kashi.get(f"{url}/frames/{'1,' * 30_000}").status_code == 400


def raw(target, *pieces, wait_s=0.05):
    """All that the server says to these bytes until it hangs up, and after how long."""
    at, begun = urlsplit(target.url), time.monotonic()
    with socket.create_connection((at.hostname, at.port), timeout=15) as connection:
        answer = b""
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(wait_s)
            while got := connection.recv(65536):
                answer += got
    return answer, time.monotonic() - begun


HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


def test_a_list_of_a_million_frames_is_longer_than_an_address_may_be(target):
    listed = b",".join([b"1"] * 1_000_000)
    answer, _ = raw(target, b"GET /dicom-web/studies/1/series/2/instances/3/frames/" + listed, wait_s=0)
    assert answer.startswith(b"HTTP/1.1 431") or answer == b""  # it may be reset before it is read


@pytest.mark.parametrize("piece", [b"X-Long: " + b"x" * MAX_HEAD, b"X: y\r\n" * (MAX_HEAD // 6)])
def test_a_head_without_end(target, piece):
    answer, _ = raw(target, HEAD, piece, b"more")
    assert answer.startswith(b"HTTP/1.1 431"), answer[:200]
    assert b"application/problem+json" in answer


def test_a_head_that_comes_a_byte_at_a_time(target):
    for pieces in ([b"GET"], [HEAD], [b""], [HEAD, b"X", b":", b" ", b"y"] + [b"y"] * 20):
        answer, took = raw(target, *pieces)
        assert answer.startswith(b"HTTP/1.1 408") or (not answer and len(pieces) > 4)
        assert took < 8


def test_a_body_that_never_comes(target, kashi):
    cookie = f"farlight_session={kashi.cookies['farlight_session']}".encode()
    head = b"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
    head += b"Content-Type: " + KIND.encode() + b"\r\nCookie: " + cookie + b"\r\n\r\n"
    _, took = raw(target, head, b"--b\r\n")
    assert took < 8
    assert kashi.get(f"{target.url}/health/live").status_code == 200


def test_an_answer_that_nobody_takes(target, kashi):
    dataset, url = image(50)
    dataset.PixelData = bytes(2 * 128 * 128)
    assert post(kashi, written(dataset)).status_code == 200
    at = urlsplit(target.url)
    cookie = f"farlight_session={kashi.cookies['farlight_session']}"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((at.hostname, at.port))
        listed = ",".join(["1"] * 1000)
        asked = f"GET /dicom-web{url}/frames/{listed} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
        connection.sendall(asked.encode())
        time.sleep(4)
        connection.settimeout(5)
        received = 0
        with suppress(ConnectionError):
            while got := connection.recv(1 << 20):
                received += len(got)
    assert 0 < received < 32_000_000


def test_three_hundred_connections_that_say_nothing_keep_nobody_out(target, kashi):
    at = urlsplit(target.url)
    silent = [socket.create_connection((at.hostname, at.port)) for _ in range(300)]
    try:
        begun = time.monotonic()
        assert kashi.get(f"{target.url}/health/live").status_code == 200
        assert time.monotonic() - begun < 5
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    "head",
    [b"X: y\r\n" * 100_000, b"X: " + b"y" * 1_000_000, b"Content-Type: " + b"; a=b" * 50_000],
    ids=["many", "long", "parameters"],
)
def test_headers_of_a_part_without_end(kashi, head):
    content = b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--\r\n"
    answer = kashi.post("/studies", content=content, headers={"Content-Type": KIND})
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID"

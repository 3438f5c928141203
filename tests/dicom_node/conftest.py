"""A node on a free port with two registered hospitals, DCMTK's tools, and a peer that speaks raw bytes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pairs import Pair
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicom_node.node import DicomNode, Limits, NodeConfig
from storage.archive import Archive
from storage.database import Database
from storage.part10 import inspect_file
from storage.retrieve import StoredInstance, instances, read_file
from storage.sites import Node, Site, put_node, put_site

SITES = (
    Site("KASHI", "Kashi Prefectural Hospital", "喀什地区医院", "prefecture", "Asia/Urumqi"),
    Site("SRRSH", "Provincial Hospital", "省级医院", "provincial", "Asia/Shanghai"),
)
KASHI_PACS = Node(
    "KASHI", "KASHI_PACS", "127.0.0.1", 11113, ("report-pdf", "report-sr"), "GB18030", "KASHI-HIS"
)
QUICK = Limits(request_timeout_s=1, idle_timeout_s=2, pdu_timeout_s=1)


def with_two_hospitals(database: Database) -> None:
    """The two hospitals and one node."""
    with database.write() as connection:
        for site in SITES:
            put_site(database, connection, site)
        put_node(database, connection, KASHI_PACS)


@pytest.fixture
def archive(tmp_path: Path, pair: Pair) -> Iterator[Archive]:
    with pair.place(tmp_path, with_two_hospitals) as place:
        opened = place.open()
        yield opened
        assert list(opened.incoming.iterdir()) == [], "something half-received was left behind"
        opened.close()


@pytest.fixture
def start_node(archive: Archive) -> Iterator[Callable[..., DicomNode]]:
    """Starts nodes of the archive with given limits; all are stopped at the end."""
    started: list[DicomNode] = []

    def start(limits: Limits = QUICK) -> DicomNode:
        node = DicomNode(NodeConfig(archive, port=0, host="127.0.0.1", limits=limits))
        node.start()
        started.append(node)
        return node

    yield start
    for node in started:
        node.stop(timeout_s=3)


@pytest.fixture
def node(start_node: Callable[..., DicomNode]) -> DicomNode:
    return start_node()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Ran:
    """A finished tool."""

    code: int
    output: str


def tool_path(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"DCMTK's {name} is not installed (Debian package dcmtk)")
    return path


@pytest.fixture
def dcmtk() -> Callable[..., Ran]:
    """Runs one of DCMTK's tools."""

    def run(name: str, *arguments: object) -> Ran:
        command = [tool_path(name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, timeout=60)
        return Ran(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"))

    return run


@pytest.fixture
def storescu(dcmtk: Callable[..., Ran], node: DicomNode) -> Callable[..., Ran]:
    """Sends files to the node as KASHI_PACS."""

    def send(*arguments: object) -> Ran:
        return dcmtk(
            "storescu", "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", *arguments[:-1], "127.0.0.1", node.port,
            arguments[-1],
        )  # fmt: skip

    return send


@pytest.fixture
def echo(dcmtk: Callable[..., Ran], node: DicomNode) -> Callable[..., Ran]:
    """Verifies the node as KASHI_PACS, or with other arguments for echoscu."""

    def verify(*arguments: object) -> Ran:
        titles = arguments or ("-aet", "KASHI_PACS", "-aec", "FARLIGHT")
        return dcmtk("echoscu", "-v", *titles, "127.0.0.1", node.port)

    return verify


@pytest.fixture
def held(archive: Archive) -> Callable[[], list[StoredInstance]]:
    """What the archive holds now."""

    def look() -> list[StoredInstance]:
        with archive.database.read() as connection:
            return instances(connection)

    return look


@pytest.fixture
def dataset_of(archive: Archive) -> Callable[[StoredInstance | Path], bytes]:
    """The encoded data set, without file meta information, of a stored instance or of a file."""

    def read(source: StoredInstance | Path) -> bytes:
        data = source.read_bytes() if isinstance(source, Path) else read_file(archive, source)
        return data[inspect_file(data).dataset_offset :]

    return read


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """pydicom's CT_small.dcm as DCMTK would write it, so that what DCMTK sends can be compared byte by byte."""
    return as_dcmtk_writes(Path(get_testdata_file("CT_small.dcm")), tmp_path / "ct.dcm")


def as_dcmtk_writes(source: Path, target: Path, *options: str) -> Path:
    """The same data set without group lengths and padding and with explicit sequence lengths: the form DCMTK sends."""
    command = [tool_path("dcmconv"), "-g", "+e", "-p", *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return target


@pytest.fixture
def canonical(tmp_path: Path) -> Callable[..., Path]:
    """A file of pydicom's, by name, in the form in which DCMTK sends it."""

    def convert(name: str, *options: str) -> Path:
        found = get_testdata_file(name)
        assert found is not None, f"{name} is not among pydicom's test files"
        return as_dcmtk_writes(Path(found), tmp_path / f"canonical-{name}", *options)

    return convert


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Path]:
    """A copy of a file with other attribute values; `_drop` names attributes to leave out."""

    def write(source: Path, name: str, *, drop: tuple[str, ...] = (), **values: object) -> Path:
        dataset = dcmread(source)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        for keyword in drop:
            delattr(dataset, keyword)
        if "SOPInstanceUID" in values:
            dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
        target = tmp_path / name
        dataset.save_as(target)
        return target

    return write


def wait_until(condition: Callable[[], bool], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@pytest.fixture
def eventually() -> Callable[..., bool]:
    """Waits for a condition and tells whether it came."""
    return wait_until

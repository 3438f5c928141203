"""Studies to be given back, and receivers to give them to: DCMTK's storescp, and a scripted one."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event

from storage.archive import Archive
from storage.ingest import Sender, ingest_file

STUDY = "1.2.826.0.1.1"
OTHER_STUDY = "1.2.826.0.1.2"
CT_IMAGE, MR_IMAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


@dataclass(frozen=True)
class Held:
    """What the archive was given: file bytes by SOP instance UID, in the order of study, series and number."""

    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def uids(self) -> list[str]:
        return list(self.files)


def variant(name: str, **values: object) -> bytes:
    """One of pydicom's files with other values."""
    path = get_testdata_file(name)
    assert path is not None
    dataset = dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = BytesIO()
    dcmwrite(out, dataset)
    return out.getvalue()


def put_study(
    archive: Archive,
    *,
    study: str = STUDY,
    site: str = "KASHI",
    patient: str = "P1",
    instances: int = 3,
    names: Iterable[str] = ("CT_small.dcm", "MR_small_RLE.dcm"),
) -> Held:
    """A series of `instances` images of each file; they arrive in the reverse of their order."""
    held = Held()
    for number, name in enumerate(names, 1):
        for index in range(1, instances + 1):
            uid = f"{study}.{number}.{index}"
            values = {
                "StudyInstanceUID": study,
                "SeriesInstanceUID": f"{study}.{number}",
                "SOPInstanceUID": uid,
            }
            numbers = {"SeriesNumber": number, "InstanceNumber": index, "PatientID": patient}
            held.files[uid] = variant(name, **values, **numbers)
    for data in reversed(held.files.values()):
        ingest_file(archive, data, Sender(site, "test"))
    return held


@contextmanager
def storescp(folder: Path, port: int, *options: str) -> Iterator[Path]:
    """DCMTK's storescp writing what it gets, bit by bit, into `folder`."""
    folder.mkdir(exist_ok=True)
    command = ["storescp", "-aet", "PACS", "+B", "+uf", "-od", str(folder), *options, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield folder
    finally:
        process.terminate()
        process.wait()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("nobody listens")


@dataclass
class Received:
    """What a scripted receiver saw: C-STORE requests and how many associations brought them."""

    requests: list[Any] = field(default_factory=list)
    associations: int = 0

    @property
    def uids(self) -> list[str]:
        return [str(request.AffectedSOPInstanceUID) for request in self.requests]


@contextmanager
def receiver(
    port: int,
    answer: Callable[[Event], int] = lambda _event: 0x0000,
    *,
    classes: Iterable[str] = (CT_IMAGE, MR_IMAGE),
    syntaxes: Iterable[str] = (str(ImplicitVRLittleEndian),),
) -> Iterator[Received]:
    """A node that answers each C-STORE as `answer` says."""
    received = Received()

    def on_store(event: Event) -> int:
        received.requests.append(event.request)
        return answer(event)

    def on_accepted(_event: Event) -> None:
        received.associations += 1

    ae = AE("PACS")
    for sop_class in classes:
        ae.add_supported_context(sop_class, list(syntaxes))
    handlers = [(evt.EVT_C_STORE, on_store), (evt.EVT_ACCEPTED, on_accepted)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield received
    finally:
        server.shutdown()


def identifier(level: str, **keys: object) -> Dataset:
    """Of a C-MOVE or C-GET."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return dataset

"""PostgreSQL is restarted in mid-work: who asks is told to come back, nothing is half-made, all goes on by itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from place import Place
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from running import Program, wait_for
from servers.postgres import PostgresServer
from sqlalchemy import func, select

from storage.tables import instance

OUT_OF_RESOURCES = 0xA700
TEMPORARY = 0x02
"""Result of an A-ASSOCIATE-RJ (PS3.8 9.3.4): rejected-transient."""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def running(server: PostgresServer, tmp_path: Path) -> Iterator[Program]:
    place = Place(tmp_path / "data", server.url(server.create()), f"file://{tmp_path / 'blobs'}")
    program = Program(tmp_path, place).prepare().start()
    yield program
    program.kill()


def image() -> Dataset:
    """An image nobody has seen before."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return dataset


def associate(program: Program) -> Association:
    entity = AE("KASHI_PACS")
    entity.add_requested_context(image().SOPClassUID, image().file_meta.TransferSyntaxUID)
    return entity.associate("127.0.0.1", program.dicom_port, ae_title="FARLIGHT")


def test_everybody_waits_for_it_and_goes_on(running: Program, server: PostgresServer) -> None:
    reader, sender = running.client("reader"), associate(running)
    assert sender.send_c_store(image()).Status == 0x0000
    processes = sorted(running.children())

    server.stop(signal.SIGQUIT)
    lost = image()
    assert sender.send_c_store(lost).Status == OUT_OF_RESOURCES
    refused = associate(running)
    assert (refused.is_rejected, refused.acceptor.primitive.result) == (True, TEMPORARY)
    for path in ("/api/requests", "/health/ready", "/dicom-web/studies"):
        answer = reader.get(path)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, (path, answer.text)
        assert int(answer.headers["Retry-After"]) > 0
    assert reader.get("/health/live").status_code == httpx.codes.OK

    server.start()
    assert wait_for("a store", lambda: sender.send_c_store(lost).Status == 0x0000)
    sender.release()
    again = associate(running)
    assert again.send_c_store(lost).Status == 0x0000
    again.release()
    assert wait_for("the request", reader.queue)[0]["study"]["instance_count"] == 2
    assert sorted(running.children()) == processes, "nobody had to be started again"

    archive = running.place.open()
    with archive.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(instance)).scalar_one() == 2
    archive.close()

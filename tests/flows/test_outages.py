"""Stores go away in mid-send and come back: refused meanwhile in each wire's words, nothing half-made, nobody helps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pairs import Embedded, Pair, Servers
from place import Place
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.association import Association
from running import Client, Program, wait_for
from sending import Batch, Throng, check, make_batch, post
from small_disk import Limit, may_mount, mounted

OUT_OF_RESOURCES = 0xA700
EACH = 10
TAKEN_BEFORE = 12
"""Images that were acknowledged when the outage begins, of 84."""


@dataclass(frozen=True)
class Outage:
    """How a store goes away, and what brings it back."""

    begin: Callable[[Servers], object]
    end: Callable[[Servers], object]


OUTAGES = {
    "S3 gateway hangs": Outage(lambda both: both.s3.pause(), lambda both: both.s3.resume()),
    "S3 gateway is killed": Outage(lambda both: both.s3.kill_gateway(), lambda both: both.s3.start()),
    "PostgreSQL ends at once": Outage(
        lambda both: both.postgres.stop(signal.SIGQUIT), lambda both: both.postgres.start()
    ),
}


@pytest.fixture(scope="module")
def on_servers(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on PostgreSQL and S3; it stays the same through all their outages."""
    folder = tmp_path_factory.mktemp("program")
    with servers.place(folder / "data") as place, running(folder, place) as program:
        yield program


@contextmanager
def running(folder: Path, place: Place) -> Iterator[Program]:
    program = Program(folder, place).prepare().start()
    try:
        yield program
    finally:
        program.kill()


@pytest.mark.parametrize("way", OUTAGES)
def test_a_server_is_away_in_mid_send(
    on_servers: Program, servers: Servers, tmp_path: Path, way: str
) -> None:
    outage = OUTAGES[way]
    try:
        endure(on_servers, tmp_path, lambda: outage.begin(servers), lambda: outage.end(servers))
    finally:
        outage.end(servers)


def test_a_disk_is_full_in_mid_send(pair: Pair, tmp_path: Path) -> None:
    if not may_mount():
        fill_by_limit(pair, tmp_path)
        return
    small = tmp_path / "small"
    with (
        mounted(small) as full,
        pair.place(small / "data") as place,
        running(tmp_path, place) as program,
    ):
        endure(program, tmp_path, full.fill, full.free)


def test_no_file_may_grow_in_mid_send(embedded: Embedded, tmp_path: Path) -> None:
    fill_by_limit(embedded, tmp_path)


def fill_by_limit(pair: Pair, folder: Path) -> None:
    """What needs no rights: to a program, a limit upon its files is a full disk."""
    with pair.place(folder / "data") as place, running(folder, place) as program:
        full = Limit(program.children)
        endure(program, folder, full.fill, full.free)


def endure(program: Program, folder: Path, begin: Callable[[], object], end: Callable[[], object]) -> None:
    """Eight send; in mid-way comes the outage, and goes. What was acknowledged is there; the rest is taken again."""
    client = program.client("technician")
    batch, probe = make_batch(folder / "batch", EACH, posted=4), make_batch(folder / "probe", 1)
    processes, sender = sorted(program.children()), associate(program, probe)
    throng = Throng(program, [batch], client)
    throng.until(TAKEN_BEFORE)
    begin()
    refused_meanwhile(client, sender, probe)
    end()
    acknowledged = throng.end()
    assert len(acknowledged) < len(batch.pixels), "some were refused"

    wait_for("the program to be ready", lambda: client.get("/health/ready").is_success)
    check(program.place, batch, acknowledged)
    check(program.place, probe, set())
    assert sender.send_c_store(dcmread(probe.stored[0])).Status == 0x0000, "on the association of before"
    sender.release()
    taken = Throng(program, [batch], client).end()
    assert taken == set(batch.pixels)
    check(program.place, batch, taken)
    check(program.place, probe, {probe.stored[0].name})
    assert sorted(program.children()) == processes, "nobody had to be started again"
    assert "all is well" in program.farlight("verify").stdout


def refused_meanwhile(client: Client, sender: Association, probe: Batch) -> None:
    """Both wires say: later. Asked at once, for each may take as long as we are patient with a server."""
    with ThreadPoolExecutor(1) as other, Client(str(client.base_url)) as somebody:
        somebody.cookies = client.cookies
        posting = other.submit(post, somebody, probe.stored[1])
        assert sender.send_c_store(dcmread(probe.stored[0])).Status == OUT_OF_RESOURCES
        answer = posting.result()
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
    assert int(answer.headers["Retry-After"]) > 0


def associate(program: Program, probe: Batch) -> Association:
    image = dcmread(probe.stored[0])
    entity = AE("KASHI_PACS")
    entity.dimse_timeout = 90
    entity.add_requested_context(image.SOPClassUID, image.file_meta.TransferSyntaxUID)
    found = entity.associate("127.0.0.1", program.dicom_port, ae_title="FARLIGHT")
    assert found.is_established
    return found

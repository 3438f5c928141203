"""Reports on their way back to the hospital's PACS: DCMTK's storescp, or a scripted one, on the other end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from sqlalchemy import JSON, insert, select

from dicom_node.send import Outbox
from dicom_node.status import Verdict, read_peer_status
from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.sites import Node
from storage.tables import Instant, audit, study
from worklist.delivery import DeliveryState, enqueue
from worklist.tables import delivery, document, report, report_version, request, user

FILES = {"sr": "reportsi.dcm", "pdf": "CT_small.dcm"}
"""What stands for the two documents: any instances will do here, and pydicom has these."""
AT_ONCE_S = 0.0


@pytest.fixture
def owe(archive: Archive) -> Callable[..., None]:
    """Puts two documents of a signed report into the outbox for a node."""

    def put(port: int, host: str = "127.0.0.1", ae_title: str = "PACS") -> None:
        uids = {name: _store_document(archive, file) for name, file in FILES.items()}
        node = Node("KASHI", ae_title, host, port, ("report-sr", "report-pdf"))
        with archive.database.write() as connection:
            asked, version = _sign_something(connection)
            documents = {name: _document(connection, version, name, uid) for name, uid in uids.items()}
            enqueue(connection, asked, documents, [node])

    return put


def _store_document(archive: Archive, name: str) -> str:
    path = get_testdata_file(name)
    assert path is not None
    return ingest_file(archive, Path(path).read_bytes(), Sender("KASHI", "report")).sop_instance_uid


def _row(connection: Any, table: Any, **values: object) -> int:
    """Insert a row; what the test does not care about gets a value of its column's type."""
    for column in table.columns:
        if column.name not in values and not column.nullable and not column.primary_key:
            values[column.name] = _any_value(column)
    key: int = connection.execute(insert(table).values(**values)).inserted_primary_key[0]
    return key


def _any_value(column: Any) -> object:
    if isinstance(column.type, Instant):
        return datetime.now(UTC)
    return {} if isinstance(column.type, JSON) else column.type.python_type()


def _sign_something(connection: Any) -> tuple[int, int]:
    """A request of Kashi with a report of one version: their row ids."""
    number = len(connection.execute(select(user.c.id)).all())
    person = _row(connection, user, username=f"doctor{number}")
    study_row = connection.execute(select(study.c.id).limit(1)).scalar_one()
    sites = dict.fromkeys(("owner_site", "reader_site", "read_site", "review_site"), "KASHI")
    asked = _row(connection, request, study=study_row, state="REPORTED", **sites)
    _row(connection, report, id=f"report-{asked}", request=asked)
    version = _row(connection, report_version, report=f"report-{asked}", n=1, author=person, signer=person)
    return asked, version


def _document(connection: Any, version: int, name: str, uid: str) -> int:
    return _row(connection, document, report_version=version, format=name, site="KASHI", sop_instance_uid=uid)


@pytest.fixture
def deliveries(archive: Archive) -> Callable[[], list[Any]]:
    """The outbox as it is now."""

    def look() -> list[Any]:
        with archive.database.read() as connection:
            return list(connection.execute(select(delivery).order_by(delivery.c.id)))

    return look


@pytest.fixture
def storescp(tmp_path: Path, free_port: int) -> Callable[..., Any]:
    """DCMTK's storescp standing for the hospital's PACS, writing what it gets bit by bit into `tmp_path / pacs`."""

    @contextmanager
    def run(*options: str) -> Iterator[Path]:
        path = shutil.which("storescp")
        if path is None:
            pytest.fail("DCMTK's storescp is not installed (Debian package dcmtk)")
        folder = tmp_path / "pacs"
        folder.mkdir(exist_ok=True)
        command = [path, "-aet", "PACS", "+B", "-od", str(folder), *options, str(free_port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for_port(free_port)
            yield folder
        finally:
            process.terminate()
            process.wait(10)

    return run


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail("storescp did not start")


@contextmanager
def scripted_pacs(port: int, *statuses: int, syntax: str = ExplicitVRLittleEndian) -> Iterator[list]:
    """A PACS that answers with these statuses in turn, the last one for ever; yields what it was sent."""
    received: list[Any] = []

    def on_store(event: evt.Event) -> int:
        received.append((str(event.request.AffectedSOPInstanceUID), event.request.DataSet.getvalue()))
        return statuses[min(len(received), len(statuses)) - 1]

    entity = AE("PACS")
    for name in FILES.values():
        entity.add_supported_context(_read(name).SOPClassUID, syntax)
    entity.require_called_aet = True
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
    try:
        yield received
    finally:
        server.shutdown()


def _read(name: str) -> Any:
    path = get_testdata_file(name)
    assert path is not None
    return dcmread(path)


def states(rows: list[Any]) -> list[str]:
    return [row.state for row in rows]


def drain_once(archive: Archive, ae_title: str, first_retry_s: float) -> int:
    """Send what is due, to the end; how many deliveries were tried."""
    outbox = Outbox(archive, ae_title, first_retry_s)
    tried = outbox.send_due()
    assert outbox.wait(60)
    return tried


def test_a_report_arrives_bit_by_bit(
    owe: Callable,
    storescp: Callable,
    free_port: int,
    archive: Archive,
    deliveries: Callable,
    dataset_of: Callable,
    held: Callable,
) -> None:
    owe(free_port)
    with storescp() as folder:
        assert drain_once(archive, "FARLIGHT", AT_ONCE_S) == 2
        assert drain_once(archive, "FARLIGHT", AT_ONCE_S) == 0
    arrived = sorted(dataset_of(path) for path in folder.iterdir())
    assert arrived == sorted(dataset_of(found) for found in held())
    rows = deliveries()
    assert states(rows) == [DeliveryState.DELIVERED] * 2
    assert all(row.delivered_at and row.attempts == 1 and row.last_error == "" for row in rows)
    with archive.database.read() as connection:
        outcomes = (
            connection.execute(select(audit.c.outcome).where(audit.c.action == "deliver")).scalars().all()
        )
    assert outcomes == ["SUCCESS"] * 2


def test_down_at_first_and_then_exactly_once(
    owe: Callable, storescp: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    assert drain_once(archive, "FARLIGHT", AT_ONCE_S) == 2
    rows = deliveries()
    assert states(rows) == [DeliveryState.RETRY_WAIT] * 2
    assert {row.last_error for row in rows} == {f"no connection to PACS at 127.0.0.1:{free_port}"}
    with storescp() as folder:
        while drain_once(archive, "FARLIGHT", AT_ONCE_S):
            pass
        assert len(list(folder.iterdir())) == 2
    assert [(row.state, row.attempts) for row in deliveries()] == [(DeliveryState.DELIVERED, 2)] * 2


def test_a_pacs_that_refuses_the_association_is_asked_again(
    owe: Callable, storescp: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    with storescp("--refuse"):
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    rows = deliveries()
    assert states(rows) == [DeliveryState.RETRY_WAIT] * 2
    assert "rejected the association" in rows[0].last_error
    with storescp():
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert states(deliveries()) == [DeliveryState.DELIVERED] * 2


@pytest.mark.parametrize("option", ["--abort-during", "--abort-after"])
def test_a_pacs_that_breaks_off_is_asked_again(
    owe: Callable, storescp: Callable, free_port: int, archive: Archive, deliveries: Callable, option: str
) -> None:
    owe(free_port)
    with storescp(option):
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    rows = deliveries()
    assert DeliveryState.RETRY_WAIT in states(rows)
    assert all("the peer" in row.last_error for row in rows if row.state == DeliveryState.RETRY_WAIT)
    with storescp():
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert states(deliveries()) == [DeliveryState.DELIVERED] * 2


def test_out_of_resources_is_tried_again(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    with scripted_pacs(free_port, 0xA700, 0x0000) as received:
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
        first, second = deliveries()
        assert (first.state, second.state) == (DeliveryState.RETRY_WAIT, DeliveryState.DELIVERED)
        assert first.last_error == "the PACS refused: 0xA700 out of resources"
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert states(deliveries()) == [DeliveryState.DELIVERED] * 2
    assert len(received) == 3


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0x0122, "the PACS refused: 0x0122 SOP class not supported"),
        (0xA900, "the PACS refused: 0xA900 data set does not match SOP class"),
        (0xC123, "the PACS refused: 0xC123 cannot understand"),
    ],
)
def test_what_will_never_succeed_is_given_up(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable, status: int, sentence: str
) -> None:
    owe(free_port)
    with scripted_pacs(free_port, status, 0x0000):
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
        assert drain_once(archive, "FARLIGHT", AT_ONCE_S) == 0
    first, second = deliveries()
    assert (first.state, first.last_error) == (DeliveryState.DEAD, sentence)
    assert second.state == DeliveryState.DELIVERED


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0x0111])
def test_warnings_and_duplicates_are_delivered(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable, status: int
) -> None:
    owe(free_port)
    with scripted_pacs(free_port, status):
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert states(deliveries()) == [DeliveryState.DELIVERED] * 2


def test_a_pacs_that_knows_implicit_vr_only_gets_the_same_in_implicit_vr(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    with scripted_pacs(free_port, 0x0000, syntax=ImplicitVRLittleEndian) as received:
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert states(deliveries()) == [DeliveryState.DELIVERED] * 2
    assert {uid for uid, _ in received} == {_read(name).SOPInstanceUID for name in FILES.values()}
    assert all(data[4:6] not in (b"CS", b"UI", b"UL", b"DA") for _, data in received)


def test_a_pacs_that_accepts_no_context_is_given_up(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    with scripted_pacs(free_port, 0x0000, syntax="1.2.840.10008.1.2.4.50"):
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    rows = deliveries()
    assert states(rows) == [DeliveryState.DEAD] * 2
    assert "presentation context" in rows[0].last_error


def test_a_node_without_an_address_cannot_be_called(
    owe: Callable, archive: Archive, deliveries: Callable
) -> None:
    owe(104, host="*")
    drain_once(archive, "FARLIGHT", AT_ONCE_S)
    rows = deliveries()
    assert states(rows) == [DeliveryState.DEAD] * 2
    assert "register its address" in rows[0].last_error


def test_a_name_without_address_and_a_silent_peer_do_not_hold_up_others(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.requestor.ACSE_TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent, scripted_pacs(free_port, 0x0000):
        owe(silent.getsockname()[1], ae_title="SILENT")
        owe(104, host="no-such-host.invalid", ae_title="NOWHERE")
        owe(free_port)
        began = time.monotonic()
        assert drain_once(archive, "FARLIGHT", AT_ONCE_S) == 6
        assert time.monotonic() - began < 8
    by_title = {row.ae_title: (row.state, row.last_error) for row in deliveries()}
    assert by_title["PACS"] == (DeliveryState.DELIVERED, "")
    assert by_title["SILENT"][0] == DeliveryState.RETRY_WAIT
    assert by_title["NOWHERE"][0] == DeliveryState.RETRY_WAIT
    assert "has no address" in by_title["NOWHERE"][1]


def test_what_is_due_later_does_not_wait_for_a_pacs_that_hangs(
    owe: Callable,
    free_port: int,
    archive: Archive,
    deliveries: Callable,
    eventually: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dicom_node.requestor.ACSE_TIMEOUT_S", 4)
    outbox = Outbox(archive, "FARLIGHT", AT_ONCE_S)
    with socket.create_server(("127.0.0.1", 0)) as silent, scripted_pacs(free_port, 0x0000) as received:
        owe(silent.getsockname()[1], ae_title="SILENT")
        assert outbox.send_due() == 2
        owe(silent.getsockname()[1], ae_title="SILENT")
        owe(free_port)
        assert outbox.send_due() == 2, "those to the PACS that hangs wait for their turn"
        assert eventually(lambda: len(received) == 2, 3)
        assert states(deliveries())[:4] == [DeliveryState.SENDING] * 2 + [DeliveryState.PENDING] * 2
        assert outbox.wait(10)
        assert outbox.send_due() == 4
        assert outbox.wait(10)
    assert states(deliveries()) == [DeliveryState.RETRY_WAIT] * 4 + [DeliveryState.DELIVERED] * 2


def test_a_document_that_is_gone_is_given_up(
    owe: Callable, free_port: int, archive: Archive, deliveries: Callable
) -> None:
    owe(free_port)
    with archive.database.write() as connection:
        connection.execute(
            document.update().where(document.c.format == "sr").values(sop_instance_uid="1.2.3")
        )
    with scripted_pacs(free_port, 0x0000) as received:
        drain_once(archive, "FARLIGHT", AT_ONCE_S)
    assert sorted(states(deliveries())) == [DeliveryState.DEAD, DeliveryState.DELIVERED]
    assert len(received) == 1


def test_no_status_is_unknown() -> None:
    for status in range(0x10000):
        meaning = read_peer_status(status)
        assert (meaning.verdict is Verdict.DELIVERED) == (meaning.sentence == "")

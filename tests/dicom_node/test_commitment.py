"""Storage commitment asked by pynetdicom, reported on the same association and on one of ours."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel
from pynetdicom.sop_class import StorageCommitmentPushModelInstance as PushInstance
from retrieval import CT_IMAGE, MR_IMAGE, OTHER_STUDY, STUDY, put_study
from sqlalchemy import insert, select, update

from dicom_node.commitment import Reporting
from dicom_node.node import DicomNode
from storage.archive import Archive
from storage.commitment_board import forget_old, unreported
from storage.commitments import (
    CommitmentState,
    Reference,
    ask,
    take_due,
)
from storage.expectations import Source, expectations_of, still_awaited
from storage.sites import Node, put_node
from storage.tables import commitment, instance
from storage.tables import node as node_table

NOT_HERE = "1.2.3.4.5.6"


@dataclass
class Reports:
    """N-EVENT-REPORTs that came: event type and information."""

    came: list[tuple[int, Dataset]] = field(default_factory=list)
    status: int = 0x0000
    calling: list[str] = field(default_factory=list)

    def take(self, event: evt.Event) -> tuple[int, None]:
        self.came.append((event.event_type, event.event_information))
        self.calling.append(event.assoc.requestor.ae_title)
        return self.status, None

    def wait(self, timeout_s: float = 5) -> tuple[int, Dataset]:
        deadline = time.monotonic() + timeout_s
        while not self.came and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.came, "no report came"
        return self.came[0]


@pytest.fixture
def request_commitment(node: DicomNode) -> Callable[..., tuple[int | None, Dataset]]:
    """N-ACTION as KASHI_PACS. With `reports` the association stays open until one came."""

    def send(
        information: Dataset | None,
        *,
        action: int = 1,
        instance_uid: str = PushInstance,
        reports: Reports | None = None,
        calling: str = "KASHI_PACS",
    ) -> Dataset:
        ae = AE(calling)
        ae.add_requested_context(PushModel)
        handlers = [(evt.EVT_N_EVENT_REPORT, reports.take)] if reports else []
        association = ae.associate("127.0.0.1", node.port, ae_title="FARLIGHT", evt_handlers=handlers)
        assert association.is_established
        status, _ = association.send_n_action(information, action, PushModel, instance_uid)
        if reports:
            reports.wait(30)
        association.release()
        return status

    return send


def information(*references: tuple[str, str], transaction_uid: str | None = None) -> Dataset:
    """Action information (PS3.4 Table J.3-1)."""
    dataset = Dataset()
    dataset.TransactionUID = transaction_uid or generate_uid()
    dataset.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
        dataset.ReferencedSOPSequence.append(item)
    return dataset


@contextmanager
def listening(port: int, reports: Reports) -> Iterator[None]:
    """The caller's own port, where reports are taken."""
    ae = AE("KASHI_PACS")
    ae.add_supported_context(PushModel, scu_role=False, scp_role=True)
    handlers = [(evt.EVT_N_EVENT_REPORT, reports.take)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield
    finally:
        server.shutdown()


@pytest.fixture
def at_port(archive: Archive, free_port: int) -> int:
    """KASHI_PACS is registered at this port."""
    with archive.database.write() as connection:
        connection.execute(
            update(node_table).where(node_table.c.ae_title == "KASHI_PACS").values(port=free_port)
        )
    return free_port


def rows(archive: Archive) -> list[Any]:
    with archive.database.read() as connection:
        return list(connection.execute(select(commitment).order_by(commitment.c.id)))


def pairs(sequence: Any) -> list[tuple[str, str]]:
    return [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in sequence]


def test_all_held_reported_on_the_same_association(archive: Archive, request_commitment: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    asked = information(*((CT_IMAGE, uid) for uid in held.uids))
    reports = Reports()
    assert request_commitment(asked, reports=reports).Status == 0x0000
    kind, info = reports.wait()
    assert (kind, info.TransactionUID) == (1, asked.TransactionUID)
    assert pairs(info.ReferencedSOPSequence) == pairs(asked.ReferencedSOPSequence)
    assert "FailedSOPSequence" not in info
    assert eventually(lambda: rows(archive)[0].state == CommitmentState.REPORTED)
    assert rows(archive)[0].number_not_held == 0
    assert run_due(archive, "FARLIGHT") == 0


def run_due(archive: Archive, ae_title: str) -> int:
    """Report what is due, to the end; how many reports were tried."""
    reporting = Reporting(archive, ae_title)
    tried = reporting.report_due()
    assert reporting.wait(60)
    return tried


def test_a_node_that_hangs_holds_up_no_other(
    archive: Archive, at_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.requestor.ACSE_TIMEOUT_S", 3)
    reporting, reports = Reporting(archive, "FARLIGHT"), Reports()
    with socket.create_server(("127.0.0.1", 0)) as silent, listening(at_port, reports):
        with archive.database.write() as connection:
            port = silent.getsockname()[1]
            put_node(archive.database, connection, Node("KASHI", "SILENT", "127.0.0.1", port))
        ask_for(archive, "1.2.3.1", [Reference(CT_IMAGE, NOT_HERE)], ae_title="SILENT")
        assert reporting.report_due() == 1
        for uid, title in (("1.2.3.2", "SILENT"), ("1.2.3.3", "KASHI_PACS")):
            ask_for(archive, uid, [Reference(CT_IMAGE, NOT_HERE)], ae_title=title)
        assert reporting.report_due() == 1
        reports.wait(2.5)
        assert reporting.wait(10)
    told = {row.transaction_uid: (row.state, row.attempts) for row in rows(archive)}
    assert told == {"1.2.3.1": ("WAITING", 1), "1.2.3.2": ("WAITING", 0), "1.2.3.3": ("REPORTED", 0)}


def eventually(condition: Callable[[], bool], timeout_s: float = 5) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_what_is_not_held_is_named_with_its_reason(archive: Archive, request_commitment: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    put_study(archive, site="SRRSH", study=OTHER_STUDY, names=("CT_small.dcm",), instances=1)
    lose(archive, held.uids[2])
    reports = Reports()
    request_commitment(
        information(
            (CT_IMAGE, held.uids[0]),
            (MR_IMAGE, held.uids[1]),
            (CT_IMAGE, held.uids[2]),
            (CT_IMAGE, NOT_HERE),
            (CT_IMAGE, "no.uid"),
            (CT_IMAGE, f"{OTHER_STUDY}.1.1"),  # another hospital's
        ),
        reports=reports,
    )
    kind, info = reports.wait()
    assert kind == 2
    assert pairs(info.ReferencedSOPSequence) == [(CT_IMAGE, held.uids[0])]
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in info.FailedSOPSequence] == [
        (held.uids[1], 0x0119),
        (held.uids[2], 0x0110),
        (NOT_HERE, 0x0112),
        ("no.uid", 0x0112),
        (f"{OTHER_STUDY}.1.1", 0x0112),
    ]


def lose(archive: Archive, sop_instance_uid: str) -> None:
    query = instance.select().where(instance.c.sop_instance_uid == sop_instance_uid)
    with archive.database.read() as connection:
        archive.blobs.delete(connection.execute(query).one().blob_key)


def test_who_has_released_gets_a_call(archive: Archive, request_commitment: Callable, at_port: int) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    asked = information(*((CT_IMAGE, uid) for uid in held.uids))
    reports = Reports()
    with listening(at_port, reports):
        assert request_commitment(asked).Status == 0x0000
        assert eventually(lambda: run_due(archive, "FARLIGHT") == 1)
        kind, info = reports.wait()
    assert (kind, info.TransactionUID, len(info.ReferencedSOPSequence)) == (1, asked.TransactionUID, 3)
    assert reports.calling == ["FARLIGHT"]
    assert rows(archive)[0].state == CommitmentState.REPORTED


def test_a_request_survives_a_crash_right_after_its_answer(archive: Archive, at_port: int) -> None:
    """Nothing but the row is left: another process reports when the time of the first one is over."""
    held = put_study(archive, names=("CT_small.dcm",))
    ask_for(archive, "1.2.3.4", [Reference(CT_IMAGE, uid) for uid in held.uids], timedelta(hours=1))
    assert run_due(archive, "FARLIGHT") == 0
    make_due(archive)
    reports = Reports()
    with listening(at_port, reports):
        assert run_due(archive, "FARLIGHT") == 1
    assert reports.wait()[1].TransactionUID == "1.2.3.4"


def ask_for(
    archive: Archive,
    transaction_uid: str,
    references: list[Reference],
    report_after: timedelta = timedelta(0),
    ae_title: str = "KASHI_PACS",
) -> None:
    titles = {"site": "KASHI", "ae_title": ae_title}
    ask(
        archive.database,
        **titles,
        transaction_uid=transaction_uid,
        references=references,
        report_after=report_after,
    )


def make_due(archive: Archive, **values: object) -> None:
    with archive.database.write() as connection:
        connection.execute(update(commitment).values(next_attempt_at=datetime.now(UTC), **values))


def test_a_node_that_is_away_is_called_again_for_days(archive: Archive, at_port: int) -> None:
    put_study(archive, names=("CT_small.dcm",))
    ask_for(archive, "1.2.3.4", [Reference(CT_IMAGE, f"{STUDY}.1.1")])
    assert run_due(archive, "FARLIGHT") == 1
    (row,) = rows(archive)
    assert (row.state, row.attempts) == (CommitmentState.WAITING, 1)
    assert "no connection" in row.last_error
    assert row.next_attempt_at > datetime.now(UTC)
    assert run_due(archive, "FARLIGHT") == 0, "not before its time"
    with archive.database.read() as connection:
        (line,) = unreported(connection, ["KASHI"])
        assert (line.site, line.ae_title) == ("KASHI", "KASHI_PACS")
        assert (line.waiting, line.given_up, line.since) == (1, 0, row.requested_at)
        assert "no connection" in line.last_error
        assert unreported(connection, ["SRRSH"]) == []
    reports = Reports()
    make_due(archive)
    with listening(at_port, reports):
        assert run_due(archive, "FARLIGHT") == 1
    assert rows(archive)[0].state == CommitmentState.REPORTED
    with archive.database.read() as connection:
        assert unreported(connection) == []


def test_what_is_over_is_forgotten_after_a_month_and_what_waits_is_not(archive: Archive) -> None:
    now = datetime.now(UTC)
    ages = {"REPORTED": (31, 29), "UNDELIVERABLE": (31, 29), "WAITING": (31, 29)}
    for state, days in ages.items():
        for age in days:
            uid = generate_uid()
            ask_for(archive, uid, [Reference(CT_IMAGE, NOT_HERE)])
            then = now - timedelta(days=age)
            values = {"state": state, "requested_at": then, "attempts": 1}
            values["reported_at"] = then if state == "REPORTED" else None
            with archive.database.write() as connection:
                connection.execute(update(commitment).filter_by(transaction_uid=uid).values(**values))
    assert forget_old(archive.database, now) == 2
    left = sorted((row.state, (now - row.requested_at).days) for row in rows(archive))
    assert left == [("REPORTED", 29), ("UNDELIVERABLE", 29), ("WAITING", 29), ("WAITING", 31)]


def test_after_a_week_it_is_given_up_and_seen(archive: Archive, at_port: int) -> None:
    ask_for(archive, "1.2.3.4", [Reference(CT_IMAGE, NOT_HERE)])
    make_due(archive, requested_at=datetime.now(UTC) - timedelta(days=8))
    assert run_due(archive, "FARLIGHT") == 1
    make_due(archive)
    assert run_due(archive, "FARLIGHT") == 0
    with archive.database.read() as connection:
        (line,) = unreported(connection)
    assert (line.waiting, line.given_up) == (0, 1)


def test_a_report_that_is_refused_is_brought_again(archive: Archive, at_port: int) -> None:
    ask_for(archive, "1.2.3.4", [Reference(CT_IMAGE, NOT_HERE)])
    reports = Reports(status=0x0110)
    with listening(at_port, reports):
        assert run_due(archive, "FARLIGHT") == 1
    assert reports.wait()[0] == 2
    assert rows(archive)[0].state == CommitmentState.WAITING
    assert "0x0110" in rows(archive)[0].last_error


def test_a_caller_without_address_keeps_its_report_waiting(
    archive: Archive, request_commitment: Callable
) -> None:
    with archive.database.write() as connection:
        roaming = {"host": "*", "ae_title": "ROAMING"}
        known = connection.execute(select(node_table).where(node_table.c.ae_title == "KASHI_PACS")).one()
        connection.execute(insert(node_table).values({**known._mapping, "id": 77, **roaming}))
    request_commitment(information((CT_IMAGE, NOT_HERE)), calling="ROAMING")
    assert eventually(lambda: run_due(archive, "FARLIGHT") == 1)
    assert "register" in rows(archive)[0].last_error


def test_two_reporters_do_not_take_the_same(archive: Archive) -> None:
    ask_for(archive, "1.2.3.4", [Reference(CT_IMAGE, NOT_HERE)])
    assert len(take_due(archive.database)) == 1
    assert take_due(archive.database) == []


def test_the_same_transaction_again_is_one_request(archive: Archive, request_commitment: Callable) -> None:
    for _ in range(2):
        reports = Reports()
        request_commitment(information((CT_IMAGE, NOT_HERE), transaction_uid="1.2.3.4"), reports=reports)
        assert reports.wait()[1].TransactionUID == "1.2.3.4"
    assert len(rows(archive)) == 1


def without(keyword: str) -> Dataset:
    dataset = information((CT_IMAGE, NOT_HERE))
    delattr(dataset, keyword)
    return dataset


@pytest.mark.parametrize(
    ("dataset", "options", "status"),
    [
        (without("TransactionUID"), {}, 0x0115),
        (without("ReferencedSOPSequence"), {}, 0x0115),
        (information(), {}, 0x0115),
        (information((CT_IMAGE, "")), {}, 0x0115),
        (information(("", NOT_HERE)), {}, 0x0115),
        (information((CT_IMAGE, NOT_HERE)), {"action": 2}, 0x0123),
        (information((CT_IMAGE, NOT_HERE)), {"instance_uid": "1.2.3"}, 0x0112),
    ],
)
def test_wrong_requests_are_refused_and_not_kept(
    dataset: Dataset, options: dict[str, Any], status: int, archive: Archive, request_commitment: Callable
) -> None:
    assert request_commitment(dataset, **options).Status == status
    assert rows(archive) == []


def test_a_list_beyond_all_bounds_is_refused(
    archive: Archive, request_commitment: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.commitment.MAX_REFERENCES", 2)
    many = information(*((CT_IMAGE, f"1.2.3.{number}") for number in range(3)))
    assert request_commitment(many).Status == 0x0213
    assert rows(archive) == []


def test_ten_thousand_references(archive: Archive, request_commitment: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",), instances=1)
    uids = [*held.uids, *(f"1.2.826.0.1.3680043.8.498.{number:030}" for number in range(1, 10_000))]
    reports = Reports()
    request_commitment(information(*((CT_IMAGE, uid) for uid in uids)), reports=reports)
    kind, info = reports.wait(30)
    assert (kind, len(info.ReferencedSOPSequence), len(info.FailedSOPSequence)) == (2, 1, 9_999)


def test_what_was_asked_for_tells_what_should_come(archive: Archive, request_commitment: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",), instances=2)
    request_commitment(information(*((CT_IMAGE, uid) for uid in (*held.uids, NOT_HERE))))
    with archive.database.read() as connection:
        (said,) = expectations_of(connection, [("KASHI", STUDY)])
        assert still_awaited(connection, [("KASHI", STUDY)]) == {("KASHI", STUDY): 1}
    assert (said.source, said.who, said.instances) == (Source.COMMITMENT, "KASHI_PACS", 3)

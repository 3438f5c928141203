"""Who gets in, who is refused and how it is told, on the wire and in the log."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pynetdicom import AE
from structlog.testing import capture_logs

from dicom_node.node import DicomNode, Limits
from dicom_node.peers import CALLING_UNKNOWN, Caller
from storage.archive import Archive
from storage.sites import Node, Refusal, all_refusals, put_node

VERIFICATION = "1.2.840.10008.1.1"


def test_a_registered_node_verifies(echo: Callable) -> None:
    ran = echo()
    assert ran.code == 0, ran.output
    assert "Received Echo Response (Success)" in ran.output


def test_an_unknown_caller_is_refused_and_listed(
    echo: Callable, archive: Archive, eventually: Callable
) -> None:
    for _ in range(2):
        ran = echo("-aet", "STRANGER", "-aec", "FARLIGHT")
        assert ran.code != 0
        assert "Result: Rejected Permanent, Source: Service User" in ran.output
        assert "Calling AE Title Not Recognized" in ran.output
    assert eventually(lambda: sum(refusal.count for refusal in refusals(archive)) == 2)
    (refusal,) = refusals(archive)
    assert (refusal.calling_ae_title, refusal.called_ae_title) == ("STRANGER", "FARLIGHT")
    assert (refusal.address, refusal.count) == ("127.0.0.1", 2)
    assert refusal.reason == "calling AE title not recognized"


def test_a_known_title_from_another_address_is_unknown(echo: Callable, archive: Archive) -> None:
    with archive.database.write() as connection:
        put_node(archive.database, connection, Node("SRRSH", "ELSEWHERE", "10.9.9.9", 104))
    assert "Calling AE Title Not Recognized" in echo("-aet", "ELSEWHERE", "-aec", "FARLIGHT").output


def test_refusals_are_written_once_in_a_while_and_at_the_end(
    echo: Callable, node: DicomNode, archive: Archive
) -> None:
    """A stranger who calls in a loop must not cost a transaction for each call."""
    assert "Calling AE Title Not Recognized" in echo("-aet", "FIRST", "-aec", "FARLIGHT").output
    with archive.database.write() as connection:  # nobody else can write
        for title in ("FIRST", "SECOND"):
            assert "Calling AE Title Not Recognized" in echo("-aet", title, "-aec", "FARLIGHT").output
        connection.rollback()
    node.stop()
    counts = {refusal.calling_ae_title: refusal.count for refusal in refusals(archive)}
    assert counts == {"FIRST": 2, "SECOND": 1}


def test_few_different_refusals_are_kept_at_once(
    node: DicomNode, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicom_node.refusals.WRITTEN_EVERY_S", 60)
    monkeypatch.setattr("dicom_node.refusals.MOST_AT_ONCE", 2)
    node.stop()
    node.start()
    for caller in ("ONE", "TWO", "THREE", "TWO"):
        node.refused(Caller(caller, "FARLIGHT", "10.0.0.1"), CALLING_UNKNOWN)
    node.stop()
    assert {one.calling_ae_title: one.count for one in refusals(archive)} == {"ONE": 1, "TWO": 2}


def refusals(archive: Archive) -> list[Refusal]:
    with archive.database.read() as connection:
        return all_refusals(connection)


def test_a_wrong_called_title_is_refused(echo: Callable, archive: Archive, eventually: Callable) -> None:
    ran = echo("-aet", "KASHI_PACS", "-aec", "ORTHANC")
    assert ran.code != 0
    assert "Called AE Title Not Recognized" in ran.output
    assert eventually(lambda: refusals(archive) != [])
    assert [refusal.reason for refusal in refusals(archive)] == ["called AE title not recognized"]


def test_titles_are_compared_without_surrounding_spaces(echo: Callable) -> None:
    assert echo("-aet", " KASHI_PACS ", "-aec", " FARLIGHT").code == 0


def test_a_node_registered_with_a_star_may_call_from_anywhere(echo: Callable, archive: Archive) -> None:
    with archive.database.write() as connection:
        put_node(archive.database, connection, Node("SRRSH", "*", "127.0.0.1", 104))
    assert echo("-aet", "WHATEVER", "-aec", "FARLIGHT").code == 0


@pytest.mark.parametrize("limits", [Limits(associations=2), Limits(associations_per_site=2)])
def test_over_the_limit_is_refused_for_now(
    start_node: Callable, dcmtk: Callable, eventually: Callable, archive: Archive, limits: Limits
) -> None:
    node = start_node(limits)
    entity = AE("KASHI_PACS")
    entity.add_requested_context(VERIFICATION)
    open_ones = [entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT") for _ in range(2)]
    assert all(association.is_established for association in open_ones)

    def third() -> str:
        output: str = dcmtk(
            "echoscu", "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", "127.0.0.1", node.port
        ).output
        return output

    refused = third()
    assert "Result: Rejected Transient" in refused
    assert "Local Limit Exceeded" in refused
    for association in open_ones:
        association.release()
    assert eventually(lambda: "Echo Response (Success)" in third())
    assert eventually(lambda: refusals(archive) != [])
    assert refusals(archive)[0].reason == "local limit exceeded"


def test_nobody_gets_in_while_the_register_cannot_be_read(echo: Callable, archive: Archive) -> None:
    with archive.database.write() as connection:
        connection.exec_driver_sql("alter table node rename to node_away")
    ran = echo()
    assert ran.code != 0
    assert "Rejected Transient" in ran.output
    with archive.database.write() as connection:
        connection.exec_driver_sql("alter table node_away rename to node")
    assert echo().code == 0


def test_one_line_is_logged_for_an_association(storescu: Callable, ct: object, eventually: Callable) -> None:
    with capture_logs() as lines:
        assert storescu(ct).code == 0
        assert eventually(lambda: any(line["event"] == "association ended" for line in lines))
    (line,) = [line for line in lines if line["event"] == "association ended"]
    assert (line["calling"], line["called"], line["address"]) == ("KASHI_PACS", "FARLIGHT", "127.0.0.1")
    assert (line["site"], line["ended"]) == ("KASHI", "released")
    assert (line["stored"], line["duplicate"], line["held_aside"], line["failed"]) == (1, 0, 0, 0)
    assert line["contexts"] > 0
    assert line["bytes"] > 30_000
    assert line["seconds"] < 5
    assert "CompressedSamples" not in str(lines), "the patient's name"


def test_stop_waits_for_open_associations_and_then_aborts_them(
    start_node: Callable, eventually: Callable
) -> None:
    node: DicomNode = start_node()
    entity = AE("KASHI_PACS")
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    assert association.send_c_echo().Status == 0
    port = node.port
    node.stop(timeout_s=0.2)
    assert eventually(lambda: association.is_aborted)
    association.join(5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_query_is_answered_however_many_connections_are_open(
    node: DicomNode, dcmtk: Callable, storescu: Callable, ct: Path
) -> None:
    """Descriptors beyond 1023 are more than `select` can look at."""
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert storescu(ct).code == 0
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientID=")
        titles = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT")
        ran = dcmtk("findscu", "-v", "-S", *titles, *keys, "127.0.0.1", node.port)
    finally:
        for other in others:
            os.close(other)
    assert "Received Final Find Response (Success)" in ran.output, ran.output

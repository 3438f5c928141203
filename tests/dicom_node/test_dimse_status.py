"""The one table of the DIMSE wire, and what the wire counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from dicom_node.node import DicomNode, NodeConfig
from dicom_node.peers import plain_address
from dicom_node.status import MISMATCH, STATUSES, failure
from storage.archive import Archive
from storage.errors import Conflict, Corrupt, Denied, Error, Invalid, NotFound, Unavailable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("broken"), 0xC000),
        (Invalid("other", code=MISMATCH), 0xA900),
        (NotFound("gone"), 0x0110),
        (Denied("no"), 0x0124),
        (Conflict("not now"), 0x0110),
        (Unavailable("away"), 0xA700),
        (Corrupt("changed"), 0x0110),
        (ZeroDivisionError("secret of the patient"), 0x0110),
    ],
)
def test_each_kind_has_its_status(error: Exception, status: int) -> None:
    elements = failure(error)
    assert elements["Status"] == status
    assert "secret" not in str(elements["ErrorComment"])


@pytest.mark.parametrize("field", STATUSES)
def test_where_our_stores_are_is_told_to_nobody(field: int) -> None:
    away = Unavailable("the S3 store at s3.inside.example:9000 does not answer")
    comment = str(failure(away, field)["ErrorComment"])
    assert "S3" not in comment
    assert comment.endswith("again later")


def test_every_kind_is_in_the_table() -> None:
    for kind in Error.__subclasses__():
        assert failure(kind("anything"))["Status"] != 0


def test_a_comment_fits_its_value_representation() -> None:
    elements = failure(Invalid("(0020,000D) 检查\\UID " + "x" * 100))
    comment = str(elements["ErrorComment"])
    assert len(comment) == 64
    assert comment.isascii()
    assert "\\" not in comment
    assert elements["OffendingElement"] == [0x0020000D]


def test_addresses_are_read_as_people_write_them() -> None:
    assert plain_address("::ffff:10.1.2.3") == "10.1.2.3"
    assert plain_address("10.1.2.3") == "10.1.2.3"
    assert plain_address("fe80::1") == "fe80::1"


def test_what_is_counted(storescu: Callable, ct: Path, node: DicomNode, eventually: Callable) -> None:
    def count(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"farlight_dicom_{name}_total", labels) or 0

    stored, released = count("instances", outcome="stored"), count("associations", ended="released")
    received = count("received_bytes")
    assert storescu(ct).code == 0
    assert count("instances", outcome="stored") == stored + 1
    assert count("received_bytes") > received + 30_000
    assert eventually(lambda: count("associations", ended="released") == released + 1)


@pytest.mark.parametrize("host", ["", "0.0.0.0"])
def test_a_node_on_every_address(archive: Archive, dcmtk: Callable, host: str) -> None:
    node = DicomNode(NodeConfig(archive, port=0, host=host))
    node.start()
    try:
        ran = dcmtk("echoscu", "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", "127.0.0.1", node.port)
        assert "Echo Response (Success)" in ran.output
        with pytest.raises(Unavailable, match="cannot be opened"):
            DicomNode(NodeConfig(archive, port=node.port, host=host)).start()
    finally:
        node.stop(3)

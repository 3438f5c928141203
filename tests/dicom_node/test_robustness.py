"""Broken, slow and hostile peers, byte by byte: the node ends their association, holds nothing, and goes on."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from dicom_node import command
from dicom_node.node import DicomNode, Limits
from dicom_node.upper_layer import LONGEST_PDU
from storage.archive import Archive

CT = "1.2.840.10008.5.1.4.1.1.2"
WORKLIST = "1.2.840.10008.5.1.4.31"
STORE_CONTEXT, REJECTED_CONTEXT, UNKNOWN_CONTEXT = 1, 3, 77
LISTENING = 3
"""Sockets of another node that a test has started: one that listens, two that end it."""
LAST_COMMAND, DATA, LAST_DATA = 3, 0, 2
P_DATA, ABORT, ACCEPT = 4, 7, 2
RELEASE_RQ = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"


def associate_rq() -> bytes:
    """An A-ASSOCIATE-RQ of KASHI_PACS for CT storage (1) and Modality Worklist (3)."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "KASHI_PACS", "FARLIGHT"
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3.4"
    request.user_information = [length, implementation]
    contexts = [build_context(CT, ExplicitVRLittleEndian), build_context(WORKLIST, ExplicitVRLittleEndian)]
    for number, context in zip((STORE_CONTEXT, REJECTED_CONTEXT), contexts, strict=True):
        context.context_id = number
    request.presentation_context_definition_list = contexts
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    encoded: bytes = pdu.encode()
    return encoded


def p_data(context_id: int, control: int, data: bytes) -> bytes:
    """A P-DATA-TF of one fragment."""
    item = struct.pack(">LBB", len(data) + 2, context_id, control) + data
    return struct.pack(">BBL", P_DATA, 0, len(item)) + item


def store_command(context_id: int = STORE_CONTEXT, **changes: object) -> bytes:
    """The P-DATA of a C-STORE-RQ's command set."""
    command = Dataset()
    command.AffectedSOPClassUID, command.AffectedSOPInstanceUID = CT, "1.2.3.4.5"
    command.CommandField, command.MessageID, command.Priority = 0x0001, 1, 0
    command.CommandDataSetType = 0x0001
    for keyword, value in changes.items():
        setattr(command, keyword, value)
    encoded = encode(command, True, True)
    assert encoded is not None
    return p_data(context_id, LAST_COMMAND, encoded)


class Peer:
    """A socket, and what comes back."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def read_pdu(self) -> tuple[int, bytes]:
        """Type and body; type 0 where the node closed the connection."""
        try:
            head = self._read(6)
            return (head[0], self._read(struct.unpack(">L", head[2:])[0])) if head else (0, b"")
        except ConnectionResetError:
            return 0, b""

    def read_status(self) -> int:
        """The status of the response that comes next."""
        kind, body = self.read_pdu()
        assert kind == P_DATA
        return command.number(command.decode(body[6:]), "Status")

    def flood(self, piece: bytes, times: int) -> None:
        """Send the same again and again, as long as somebody takes it."""
        with suppress(OSError):
            for _ in range(times):
                self.send(piece)

    def is_dropped(self) -> bool:
        """Whether the node ends this before an idle association would end."""
        began = time.monotonic()
        while self.read_pdu()[0] not in (0, ABORT):
            pass
        return time.monotonic() - began < 1.5

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length and (piece := self.socket.recv(length - len(data))):
            data += piece
        return data

    def associate(self) -> None:
        self.send(associate_rq())
        assert self.read_pdu()[0] == ACCEPT

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def peer(node: DicomNode) -> Iterator[Peer]:
    connected = Peer(node.port)
    yield connected
    connected.close()


@pytest.fixture
def require_well(
    node: DicomNode, archive: Archive, echo: Callable, held: Callable, eventually: Callable
) -> Iterator[None]:
    """After the test: the node verifies, holds nothing, and has forgotten the connection and its threads."""
    before = open_descriptors()
    yield
    assert "Echo Response (Success)" in echo().output
    assert held() == []
    assert list(archive.incoming.iterdir()) == []
    assert list(archive.blobs.list()) == []
    assert eventually(lambda: not dicom_threads()), dicom_threads()
    archive.database.close()  # its connections are kept on purpose
    assert eventually(lambda: open_descriptors() <= before + LISTENING), "descriptors leak"


def open_descriptors() -> int:
    """Sockets and files without a name; the index's connections stay in their pool."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed since it was listed
            name = str(descriptor.readlink())
            count += name.startswith("socket:") or name.endswith("(deleted)")
    return count


def dicom_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dicom ")]


pytestmark = pytest.mark.usefixtures("require_well")

GARBAGE = {
    "text": b"GET / HTTP/1.1\r\nHost: farlight\r\n\r\n",
    "zeros": b"\0" * 4096,
    "type 9": b"\x09\x00\x00\x00\x00\x04abcd",
    "an empty request": b"\x01\x00\x00\x00\x00\x00",
    "a request of noise": b"\x01\x00\x00\x00\x01\x00" + bytes(range(256)),
    "a request cut by its length": associate_rq()[:2] + b"\x00\x00\x00\x50" + associate_rq()[6:86],
    "data before any request": p_data(1, LAST_DATA, b"abcd"),
    "a release before any request": RELEASE_RQ,
    "titles that are no ASCII": associate_rq().replace(b"KASHI_PACS", "喀什PACS".encode()),
    "blank titles": associate_rq().replace(b"KASHI_PACS", b" " * 10),
    "an unknown protocol version": associate_rq()[:6] + b"\x00\x02" + associate_rq()[8:],
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_instead_of_a_request(peer: Peer, garbage: bytes) -> None:
    peer.send(garbage)
    assert peer.read_pdu()[0] != ACCEPT
    while peer.read_pdu()[0]:
        pass


@pytest.mark.parametrize("part", [1, 5, 6, 40, -1])
def test_half_a_request_then_nothing(peer: Peer, part: int) -> None:
    peer.send(associate_rq()[:part])
    peer.close()


def test_a_connection_that_says_nothing_is_closed(peer: Peer) -> None:
    began = time.monotonic()
    assert peer.read_pdu() == (0, b"")
    assert 0.5 < time.monotonic() - began < 4


def test_half_a_request_and_silence_is_closed(peer: Peer) -> None:
    peer.send(associate_rq()[:40])
    assert peer.read_pdu()[0] in (0, ABORT)


@pytest.mark.parametrize("announced", [LONGEST_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("established", [False, True])
def test_a_forged_length_is_not_believed(peer: Peer, announced: int, established: bool) -> None:
    if established:
        peer.associate()
    began = time.monotonic()
    peer.send(struct.pack(">BBL", 4 if established else 1, 0, announced) + b"x" * 4096)
    assert peer.read_pdu()[0] in (0, ABORT)
    assert time.monotonic() - began < 1.5, "it was waited for"


def test_a_forged_length_is_answered_with_an_abort(peer: Peer) -> None:
    peer.associate()
    peer.send(struct.pack(">BBL", P_DATA, 0, 0xFFFFFFFF))
    kind, body = peer.read_pdu()
    assert (kind, body[2]) == (ABORT, 2), "A-ABORT by the service provider"


def test_half_a_data_pdu_then_silence(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), p_data(STORE_CONTEXT, DATA, b"x" * 10000)[:5000])
    began = time.monotonic()
    while peer.read_pdu()[0]:
        pass
    assert time.monotonic() - began < 5


def test_half_a_data_pdu_then_close(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), p_data(STORE_CONTEXT, DATA, b"x" * 10000)[:5000])
    peer.close()


def test_an_abort_in_the_middle_of_a_data_set(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), *[p_data(STORE_CONTEXT, DATA, b"x" * 100_000)] * 20)
    peer.send(struct.pack(">BBLBBBB", ABORT, 0, 4, 0, 0, 0, 0))
    while peer.read_pdu()[0]:
        pass


def test_a_reset_in_the_middle_of_a_data_set(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), *[p_data(STORE_CONTEXT, DATA, b"x" * 100_000)] * 20)
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_silence_in_the_middle_of_a_data_set(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), p_data(STORE_CONTEXT, DATA, b"x" * 1000))
    began = time.monotonic()
    assert peer.read_pdu()[0] == ABORT
    assert 1 < time.monotonic() - began < 5, "the idle timeout"


def test_a_release_in_the_middle_of_a_data_set(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(), p_data(STORE_CONTEXT, DATA, b"x" * 1000), RELEASE_RQ)
    while peer.read_pdu()[0]:
        pass


def test_data_on_a_context_that_was_never_proposed(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(UNKNOWN_CONTEXT), p_data(UNKNOWN_CONTEXT, LAST_DATA, b"x" * 1000))
    assert peer.read_pdu()[0] == ABORT


def test_an_image_on_a_context_that_was_rejected_is_refused_and_the_next_is_heard(peer: Peer) -> None:
    """Some scanners send all the same; an abort would cost the exam's other images too."""
    peer.associate()
    for context_id, status in ((REJECTED_CONTEXT, 0x0122), (STORE_CONTEXT, 0xC000)):
        peer.send(store_command(context_id), p_data(context_id, LAST_DATA, b"x" * 1000))
        assert peer.read_status() == status


BROKEN_MESSAGES = {
    "a fragment longer than its PDU": struct.pack(">BBLLBB", P_DATA, 0, 10, 5000, 1, 3) + b"abcd",
    "a fragment of length 0": struct.pack(">BBLL", P_DATA, 0, 4, 0),
    "a fragment without a header byte": struct.pack(">BBLLB", P_DATA, 0, 5, 1, 1),
    "an empty PDU": struct.pack(">BBL", P_DATA, 0, 0),
    "a command of noise": p_data(STORE_CONTEXT, LAST_COMMAND, os.urandom(300)),
    "a command without elements": p_data(STORE_CONTEXT, LAST_COMMAND, b""),
    "an unknown command": store_command(CommandField=0x7777),
    "a command without its field": store_command(CommandField=None),
    "data without a command": p_data(STORE_CONTEXT, LAST_DATA, b"abcd"),
    "a second request for association": associate_rq(),
}


@pytest.mark.parametrize("message", BROKEN_MESSAGES.values(), ids=BROKEN_MESSAGES.keys())
def test_messages_that_cannot_be_read(peer: Peer, message: bytes) -> None:
    peer.associate()
    peer.send(message)
    while (kind := peer.read_pdu()[0]) != ABORT:
        assert kind, "the connection was closed without A-ABORT"


def test_a_command_without_end(peer: Peer) -> None:
    peer.associate()
    peer.flood(p_data(STORE_CONTEXT, 1, b"x" * 10000), times=1000)
    assert peer.is_dropped()


def test_an_identifier_without_end(peer: Peer) -> None:
    peer.associate()
    peer.send(store_command(CommandField=0x0020))
    peer.flood(p_data(STORE_CONTEXT, DATA, b"x" * 100_000), times=100)
    assert peer.is_dropped()


def test_requests_without_waiting_for_an_answer_wait_in_line(peer: Peer) -> None:
    """A window of one operation was agreed on; who sends ahead waits in the network's buffers, not in ours."""
    peer.associate()
    peer.flood(store_command() + p_data(STORE_CONTEXT, LAST_DATA, b"x" * 100), times=200)
    assert [peer.read_status() for _ in range(200)] == [0xC000] * 200


def test_more_connections_than_the_waiting_room_holds(start_node: Callable, echo: Callable) -> None:
    node = start_node(Limits(associations=1, request_timeout_s=1))
    crowd = [Peer(node.port) for _ in range(100)]
    assert len(dicom_threads()) < 250
    assert sum(connected.read_pdu() == (0, b"") for connected in crowd) == 100
    for connected in crowd:
        connected.close()
    entity = AE("KASHI_PACS")
    entity.add_requested_context(CT)
    association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    assert association.is_established
    association.release()
    association.join(5)


def test_a_connection_for_which_there_is_no_thread_is_forgotten(node: DicomNode) -> None:
    """The system has no thread to give while its limit is reached; afterwards the node is as it was."""
    soft, hard = threading.stack_size(), 1 << 46
    threading.stack_size(hard)
    try:
        crowd = [Peer(node.port) for _ in range(3)]
        assert [connected.read_pdu() for connected in crowd] == [(0, b"")] * 3
    finally:
        threading.stack_size(soft)
    for connected in crowd:
        connected.close()
    began = time.monotonic()
    node.stop(timeout_s=3)
    assert time.monotonic() - began < 2, "it waits for connections that are gone"
    node.start()


def test_a_request_for_association_beyond_all_measure_is_not_read(peer: Peer) -> None:
    """Nobody knows yet who calls: 128 contexts with every transfer syntax are a quarter of a megabyte."""
    peer.send(struct.pack(">BBL", 1, 0, 512 << 10))
    began = time.monotonic()
    assert peer.read_pdu()[0] in (0, ABORT)
    assert time.monotonic() - began < 0.8, "it was waited for"


def test_titles_padded_with_nul_are_understood(peer: Peer) -> None:
    """As devices write them whose makers think in C."""
    peer.send(associate_rq().replace(b"KASHI_PACS      ", b"KASHI_PACS\0\0\0\0\0\0"))
    assert peer.read_pdu()[0] == ACCEPT


@pytest.mark.parametrize("longest", [1, 6, 7])
def test_a_peer_that_takes_no_pdu_is_told_so(peer: Peer, longest: int) -> None:
    request = associate_rq().replace(
        struct.pack(">BBHL", 0x51, 0, 4, 16384), struct.pack(">BBHL", 0x51, 0, 4, longest)
    )
    peer.send(request)
    assert peer.read_pdu()[0] == ABORT


def test_fragments_are_of_even_length(peer: Peer) -> None:
    """Whatever length the peer takes (PS3.8 Annex E, PS3.7 6.3): DCMTK refuses others."""
    request = associate_rq().replace(
        struct.pack(">BBHL", 0x51, 0, 4, 16384), struct.pack(">BBHL", 0x51, 0, 4, 41)
    )
    peer.send(request)
    assert peer.read_pdu()[0] == ACCEPT
    peer.send(store_command(), p_data(STORE_CONTEXT, LAST_DATA, b"x" * 100))
    control = 0
    while not control & 2:
        kind, body = peer.read_pdu()
        assert (kind, len(body) % 2) == (P_DATA, 0)
        assert len(body) <= 41
        control = body[5]


def test_one_address_that_says_nothing_does_not_keep_the_others_out(start_node: Callable) -> None:
    node = start_node(Limits(associations=100, request_timeout_s=5))
    crowd = [Peer(node.port) for _ in range(200)]
    try:
        with socket.create_connection(("127.0.0.1", node.port), 3, ("127.0.0.2", 0)) as other:
            other.sendall(associate_rq())
            assert other.recv(1)[:1] == b"\x03", "it is heard, and refused for its address"
    finally:
        for connected in crowd:
            connected.close()

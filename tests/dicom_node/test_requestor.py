"""Our side of a call against peers that behave in ways that the standard knows and few implement."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.association import Association
from dicom_node.negotiation import Proposal, accept, read_request
from dicom_node.requestor import Destination, connect
from dicom_node.services import Context
from dicom_node.upper_layer import P_DATA, RELEASE_RP, RELEASE_RQ, Connection

CT = "1.2.840.10008.5.1.4.1.1.2"


@contextmanager
def called(behave: Callable[[Connection], None]) -> Iterator[int]:
    """A peer on a free port that accepts one association and then does as it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection = Connection(listening.accept()[0], 10)
            _, length = connection.read_head(10)
            connection.write(accept(read_request(connection.read_body(length)), ("store",)).answer)
            behave(connection)
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(20)
        assert not thread.is_alive()


def test_both_sides_ask_for_release_at_once() -> None:
    """Who called answers first (PS3.8 9.2, AR-8 to AR-10); else both would wait for one another."""
    heard: list[int] = []

    def collide(peer: Connection) -> None:
        heard.append(peer.read_head(10)[0])
        peer.read_body(4)
        peer.write(struct.pack(">BxLxxxx", RELEASE_RQ, 4))
        heard.append(peer.read_head(10)[0])
        peer.read_body(4)
        peer.write(struct.pack(">BxLxxxx", RELEASE_RP, 4))

    began = time.monotonic()
    with (
        called(collide) as port,
        connect(
            Destination("PEER", "127.0.0.1", port), "FARLIGHT", [Proposal(CT, (str(ExplicitVRLittleEndian),))]
        ),
    ):
        pass
    assert heard == [RELEASE_RQ, RELEASE_RP]
    assert time.monotonic() - began < 5


def test_fragments_are_even_whatever_the_chunks_are() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = Connection(socket.create_connection(listening.getsockname()), 5)
        theirs = Connection(listening.accept()[0], 5)
    context = Context(1, CT, str(ExplicitVRLittleEndian))
    association = Association(ours, {1: context}, longest_pdu=33, idle_timeout_s=5)
    chunks = [b"a" * 3, b"", b"b" * 40, b"c", b"d" * 7, b"e"]
    association.send(context, {"CommandField": 1, "MessageID": 1}, chunks)
    ours.close()
    lengths, received = [], b""
    while not received.endswith(b"e"):
        kind, length = theirs.read_head(5)
        assert kind == P_DATA
        assert length <= 33
        for _, control, data in theirs.read_fragments(length):
            lengths.append(len(data))
            received += b"" if control & 1 else bytes(data)
    theirs.close()
    assert received == b"".join(chunks)
    assert not [length for length in lengths if length % 2]

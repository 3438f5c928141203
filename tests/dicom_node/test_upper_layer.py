"""PDUs come in whatever pieces the network makes of them, and what is read is what was sent."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from dicom_node.upper_layer import P_DATA, Connection

LAST = 2


def pdus(dice: random.Random, data: bytes) -> Iterator[bytes]:
    """A message of one data set, cut into fragments and PDUs at random."""
    position = 0
    while position < len(data):
        values = b""
        for _ in range(dice.randint(1, 3)):
            most = dice.choice((10, 1000, 16_000, 131_060, 300_000, 900_000))
            piece = data[position : position + dice.randint(1, most)]
            position += len(piece)
            control = LAST if position >= len(data) else 0
            values += struct.pack(">LBB", len(piece) + 2, 1, control) + piece
            if position >= len(data) or len(values) > 100_000:
                break
        yield struct.pack(">BxL", P_DATA, len(values)) + values


def read_message(connection: Connection) -> bytes:
    read, control = b"", 0
    while not control & LAST:
        kind, length = connection.read_head(10)
        assert kind == P_DATA
        for context_id, marked, piece in connection.read_fragments(length):
            assert context_id == 1
            read, control = read + piece, marked
    connection.release_buffer()
    return read


@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_is_what_was_sent(seed: int) -> None:
    dice = random.Random(seed)
    messages = [dice.randbytes(dice.choice((1, 20, 5000, 70_000, 600_000, 2_000_000))) for _ in range(12)]
    wire = b"".join(pdu for data in messages for pdu in pdus(dice, data))
    listener = socket.create_server(("127.0.0.1", 0))
    sending = socket.create_connection(listener.getsockname())
    receiving, _ = listener.accept()
    connection = Connection(receiving, 10)

    def send() -> None:
        position = 0
        while position < len(wire):
            size = dice.choice((1, 5, 100, 20_000, 65_536, 500_000))
            sending.sendall(wire[position : position + size])
            position += size

    sender = threading.Thread(target=send)
    sender.start()
    assert [read_message(connection) for _ in messages] == messages
    sender.join()
    for each in (connection, sending, listener):
        each.close()

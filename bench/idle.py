"""A sender among idle associations: what a thousand open lines that say nothing cost the one that sends."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.compare import Row, Sample, in_turn, timed
from bench.series import scratch, send, write_series
from bench.servers import Server, farlight
from dicom_node.negotiation import Proposal, propose
from dicom_node.upper_layer import ASSOCIATE_AC

_PROPOSALS = [Proposal("1.2.840.10008.1.1", ("1.2.840.10008.1.2",))]


def measure(folder: Path, associations: int, images: int, rounds: int) -> list[Row]:
    """Images over one association with so many idle ones open, and with none, in turn."""
    with farlight(folder / "farlight") as server, scratch() as made:
        series = [write_series(made / str(number), images, 512, 1) for number in range(2 * (rounds + 1))]

        def alone(number: int) -> Sample:
            return timed(lambda: send(server, series[2 * number]), server.cpu_s)

        def among(number: int) -> Sample:
            with _idle(server, associations):
                return timed(lambda: send(server, series[2 * number + 1]), server.cpu_s)

        name = f"receive {images} CT beside {associations} idle associations"
        return [in_turn(name, images, "images/s", rounds, among, {"Farlight with no other": alone})]


@contextmanager
def _idle(server: Server, number: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(_associated(server.port))
        yield
    _let_settle(server)


def _let_settle(server: Server) -> None:
    """The end of each association is written into the book of links; what follows shall not pay for it."""
    before = -1.0
    while (now := server.cpu_s()) - before > 0.1:
        before = now
        time.sleep(1)


def _associated(port: int) -> socket.socket:
    connected = socket.create_connection(("127.0.0.1", port), 30)
    connected.sendall(propose("IDLE", "FARLIGHT", _PROPOSALS))
    kind, length = struct.unpack(">BxL", _read(connected, 6))
    _read(connected, length)
    if kind != ASSOCIATE_AC:
        raise SystemExit(f"an association was not accepted: PDU type {kind}")
    return connected


def _read(connected: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = connected.recv(length - len(data))
        if not piece:
            raise SystemExit("an association was closed")
        data += piece
    return data

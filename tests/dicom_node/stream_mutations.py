"""What callers said in real conversations, recorded on the wire, and the ways in which a fuzzer breaks it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random

P_DATA = 4
TYPES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF)
LENGTHS = (0, 1, 2, 5, 6, 0x400, 0xFFFF, 0x100000, 0x7FFFFFFF, 0xFFFFFFFF)
FIELDS = (0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0130, 0x0140, 0x0FFF, 0x8001, 0x8020, 0xFFFF)


class Recorder:
    """A port that passes on to another one, and keeps what callers say, one conversation after the other."""

    def __init__(self, port: int) -> None:
        self.conversations: list[bytes] = []
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, name="recorder", daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                self._record(caller)

    def _record(self, caller: socket.socket) -> None:
        heard = bytearray()
        with caller, socket.create_connection(("127.0.0.1", self._target)) as node:
            back = threading.Thread(target=_pass_on, args=(node, caller), daemon=True)
            back.start()
            with suppress(OSError):
                while piece := caller.recv(1 << 16):
                    heard += piece
                    node.sendall(piece)
            with suppress(OSError):
                node.shutdown(socket.SHUT_WR)
            back.join(10)
        self.conversations.append(bytes(heard))

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)


@contextmanager
def recorder(port: int) -> Iterator[Recorder]:
    """Between callers and the node at `port`."""
    recording = Recorder(port)
    yield recording
    recording.close()


def pdus(stream: bytes) -> list[bytes]:
    """A stream cut into its PDUs; raises `AssertionError` where it does not end with one."""
    found, position = [], 0
    while position < len(stream):
        assert len(stream) - position >= 6, "half a PDU's head"
        end = position + 6 + struct.unpack_from(">L", stream, position + 2)[0]
        assert end <= len(stream), "half a PDU"
        found.append(stream[position:end])
        position = end
    return found


def broken(rng: Random, conversations: list[bytes]) -> bytes:
    """One conversation, broken in one to three ways; some stay whole."""
    said = pdus(rng.choice(conversations))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        said = rng.choice(ON_PDUS)(rng, said, conversations)
    stream = b"".join(said)
    if rng.random() < 0.3:
        stream = rng.choice(ON_BYTES)(rng, stream)
    return stream


# -- PDUs ------------------------------------------------------------------------------------------

Said = list[bytes]


def _changed(said: Said, number: int, start: int, piece: bytes) -> Said:
    pdu = said[number]
    return [*said[:number], pdu[:start] + piece + pdu[start + len(piece) :], *said[number + 1 :]]


def other_type(rng: Random, said: Said, _: list[bytes]) -> Said:
    return _changed(said, rng.randrange(len(said)), 0, bytes([rng.choice(TYPES)])) if said else said


def other_length(rng: Random, said: Said, _: list[bytes]) -> Said:
    if not said:
        return said
    number = rng.randrange(len(said))
    true = len(said[number]) - 6
    length = rng.choice((*LENGTHS, max(0, true - 1), true + 1))
    return _changed(said, number, 2, struct.pack(">L", length))


def other_item_length(rng: Random, said: Said, _: list[bytes]) -> Said:
    """Of a fragment; of the beginning, some bytes somewhere."""
    if not said:
        return said
    number = rng.randrange(len(said))
    if said[number][0] == P_DATA:
        return _changed(said, number, 6, struct.pack(">L", rng.choice(LENGTHS)))
    start = rng.randrange(len(said[number]))
    return _changed(said, number, start, struct.pack(">H", rng.choice((0, 1, 4, 0xFF, 0xFFFF))))


def other_context(rng: Random, said: Said, _: list[bytes]) -> Said:
    return _of_data(rng, said, 10, bytes([rng.choice((0, 1, 2, 3, 5, 127, 255))]))


def other_control(rng: Random, said: Said, _: list[bytes]) -> Said:
    return _of_data(rng, said, 11, bytes([rng.choice((0, 1, 2, 3, 4, 255))]))


def _of_data(rng: Random, said: Said, start: int, piece: bytes) -> Said:
    numbers = [number for number, pdu in enumerate(said) if pdu[0] == P_DATA and len(pdu) > 12]
    return _changed(said, rng.choice(numbers), start, piece) if numbers else said


def other_command(rng: Random, said: Said, _: list[bytes]) -> Said:
    """Another command field or data set type, or any byte of a command set."""
    numbers = [n for n, pdu in enumerate(said) if pdu[0] == P_DATA and len(pdu) > 12 and pdu[11] & 1]
    if not numbers:
        return said
    number = rng.choice(numbers)
    field = said[number].find(b"\0\0\0\1\2\0\0\0")
    data_set = said[number].find(b"\0\0\0\x08\2\0\0\0")
    if field > 0 and rng.random() < 0.4:
        return _changed(said, number, field + 8, struct.pack("<H", rng.choice(FIELDS)))
    if data_set > 0 and rng.random() < 0.4:
        return _changed(said, number, data_set + 8, struct.pack("<H", rng.choice((0x0101, 0, 1, 0xFFFF))))
    start = rng.randrange(12, len(said[number]))
    return _changed(said, number, start, rng.randbytes(rng.choice((1, 2, 4))))


def other_bytes(rng: Random, said: Said, _: list[bytes]) -> Said:
    """In one PDU, so that a long data set does not draw all of it."""
    if not said:
        return said
    number = rng.randrange(len(said))
    for _times in range(rng.choice((1, 1, 4, 20))):
        said = _changed(said, number, rng.randrange(6, len(said[number]) + 1), rng.randbytes(1))
    return said


def doubled(rng: Random, said: Said, _: list[bytes]) -> Said:
    number = rng.randrange(len(said) + 1)
    return [*said[:number], *said[number : number + 1] * rng.choice((2, 2, 40)), *said[number + 1 :]]


def dropped(rng: Random, said: Said, _: list[bytes]) -> Said:
    number = rng.randrange(len(said) + 1)
    return [*said[:number], *said[number + 1 :]]


def shuffled(rng: Random, said: Said, _: list[bytes]) -> Said:
    start = rng.choice((0, 1))
    return [*said[:start], *rng.sample(said[start:], len(said[start:]))]


def with_another(rng: Random, said: Said, conversations: list[bytes]) -> Said:
    """A PDU of another conversation in between, or the whole rest of one."""
    other = pdus(rng.choice(conversations))
    start, number = rng.randrange(len(other)), rng.randrange(len(said) + 1)
    return [*said[:number], *other[start : rng.choice((start + 1, len(other)))], *said[number:]]


ON_PDUS: tuple[Callable[[Random, Said, list[bytes]], Said], ...] = (
    other_type,
    other_length,
    other_item_length,
    other_context,
    other_control,
    other_command,
    other_command,
    other_bytes,
    other_bytes,
    doubled,
    dropped,
    shuffled,
    with_another,
)


# -- bytes -----------------------------------------------------------------------------------------


def cut(rng: Random, stream: bytes) -> bytes:
    return stream[: rng.randrange(len(stream) + 1)]


def without_a_part(rng: Random, stream: bytes) -> bytes:
    start = rng.randrange(len(stream) + 1)
    return stream[:start] + stream[start + rng.choice((1, 2, 6, 100)) :]


def with_something_in(rng: Random, stream: bytes) -> bytes:
    start = rng.randrange(len(stream) + 1)
    return stream[:start] + rng.randbytes(rng.choice((1, 2, 6, 100))) + stream[start:]


def twice(rng: Random, stream: bytes) -> bytes:
    return stream * 2


ON_BYTES = (cut, without_a_part, with_something_in, twice)

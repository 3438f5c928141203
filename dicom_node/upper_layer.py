"""The upper layer's wire (PS3.8 9.3): whole PDUs read from and written to one connection, each within its time.

One thread reads and writes a connection, and sleeps in the system while nothing comes: a thousand idle
associations cost a thousand sleeping threads and no processor. pynetdicom's codecs make and read the PDUs of the
association's beginning; a P-DATA-TF never becomes an object, its fragments go from the socket to where they belong.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

from storage.structure import Buffer

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
PROVIDER, USER = 2, 0
"""Who aborts (PS3.8 Table 9-26)."""
UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER = 1, 2, 6
"""Why the provider aborts."""

LONGEST_PDU = (1 << 20) + (64 << 10)
"""Bytes. What we announce for P-DATA, and some more for peers that forget the headers."""
LONGEST_REQUEST = 256 << 10
"""Bytes of any other PDU. An A-ASSOCIATE-RQ comes from anybody: 128 contexts with every transfer syntax are less."""
LINGER_S = 1.0
"""After our last word a connection is read to its end for so long, or the system would take the word back (RST)."""

_AHEAD_AT_REST, _AHEAD_IN_DATA = 16 << 10, 256 << 10
"""Bytes read at once: a small image comes with its command in one call of the system, a large one in a few."""
_MOST_SPARE = 16
_MOST_AWAITED = 32 << 10
"""Bytes for which the system may let us sleep. It must have room for as many while we do: of 128 KiB it sometimes has
not, and the peer would wait for us and we for it."""
_HEAD = struct.Struct(">BxL")
_FRAGMENT = struct.Struct(">LBB")
_LAST = 0x02
"""The bit of the message control header that marks a message's last fragment."""


class Lost(Exception):
    """The connection is gone: closed, reset, or silent in the middle of a PDU."""


class Idle(Exception):
    """Nothing came in the time that was given."""


class Aborted(Exception):
    """The peer sent A-ABORT."""


class Violation(Exception):
    """What came breaks PS3.8; the association ends with A-ABORT and this reason (Table 9-26)."""

    def __init__(self, what: str, reason: int = UNEXPECTED_PDU) -> None:
        super().__init__(what)
        self.reason = reason


class Connection:
    """A TCP or TLS connection. Not to be shared between threads, but for `interrupt`."""

    def __init__(self, connected: socket.socket, pdu_timeout_s: float) -> None:
        self._socket = connected
        self._pdu_timeout_s = pdu_timeout_s
        self._read_ahead = bytearray()
        self._ahead = memoryview(b"")
        """What was read and not yet taken: a part of `_read_ahead`."""
        self._allowed_s, self._awaited = -1.0, 1
        self.over_tls = isinstance(connected, ssl.SSLSocket)
        """Whether this is encrypted."""
        connected.settimeout(None)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(connected)

    @property
    def certificate(self) -> bytes | None:
        """The peer's TLS certificate (DER), None without one."""
        return self._socket.getpeercert(binary_form=True) if isinstance(self._socket, ssl.SSLSocket) else None

    def waits(self) -> bool:
        """Whether something to read is there already."""
        if self._ahead or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return True
        with suppress(OSError, ValueError):  # closed meanwhile, as the next read will tell
            self._await(1)
            asked = select.poll()  # `select` cannot look at descriptors beyond 1023
            asked.register(self._socket, select.POLLIN)
            return bool(asked.poll(0))
        return True

    def read_head(self, idle_timeout_s: float) -> tuple[int, int]:
        """The next PDU's type and length in bytes; its first byte may take `idle_timeout_s`, the rest the usual.

        Raises `Idle`, `Lost`, and `Violation` for a length beyond what its type may have.
        """
        if not self._ahead:
            self._wait(idle_timeout_s)
        kind, length = _HEAD.unpack(self._take(_HEAD.size))
        if not ASSOCIATE_RQ <= kind <= ABORT:
            raise Violation(f"a PDU of type {kind}", UNRECOGNIZED_PDU)
        if length > (LONGEST_PDU if kind == P_DATA else LONGEST_REQUEST):
            raise Violation(f"a PDU of {length} bytes", INVALID_PARAMETER)
        return kind, length

    def read_body(self, length: int) -> bytes:
        """The rest of a PDU."""
        return bytes(self._take(length))

    def read_fragments(self, length: int) -> Iterator[tuple[int, int, memoryview]]:
        """The fragments of a P-DATA-TF: context ID, message control header, and data that is good until the next one
        is asked for (PS3.8 9.3.5.1, Annex E.2). One that comes in pieces is given as so many fragments, of which only
        the last can be marked as the message's last. Raises `Violation`."""
        while length:
            if length < _FRAGMENT.size:
                raise Violation("a P-DATA-TF ends inside a fragment's head", INVALID_PARAMETER)
            item, context_id, control = _FRAGMENT.unpack(self._take(_FRAGMENT.size))
            length -= 4 + item
            if item < 2 or length < 0:
                raise Violation("a fragment's length is not that of its PDU", INVALID_PARAMETER)
            left = item - 2
            while left > _AHEAD_IN_DATA:
                piece = self._take_some(left)
                left -= len(piece)
                yield context_id, control & ~_LAST, piece
            yield context_id, control, self._take(left)

    def release_buffer(self) -> None:
        """Give the memory back until more comes."""
        if not self._ahead:
            self._replace_read_ahead(bytearray())

    def write(self, *pieces: Buffer) -> None:
        """Write all of it. Raises `Lost` if the peer is gone or does not read for the PDU's time."""
        try:
            self._allow(self._pdu_timeout_s)
            self._socket.sendall(b"".join(pieces))
        except OSError as why:
            raise Lost from why

    def abort(self, source: int, reason: int = 0) -> None:
        """A-ABORT (PS3.8 9.3.8), as far as it can still be said."""
        with suppress(Lost):
            self.write(struct.pack(">BxLxxBB", ABORT, 4, source, reason))

    def linger(self) -> None:
        """Wait for the peer to close, and read what it still says, for `LINGER_S` at most (PS3.8 Sta13)."""
        deadline = time.monotonic() + LINGER_S
        with suppress(OSError, ValueError):
            self._await(1)
            while (left := deadline - time.monotonic()) > 0:
                self._allow(left)
                if not self._socket.recv(64 << 10):
                    return

    def interrupt(self) -> None:
        """From another thread: whoever reads this connection finds its end."""
        with suppress(OSError):
            # SSLSocket's own would forget the encryption, and the last word be sent in clear
            socket.socket.shutdown(self._socket, socket.SHUT_RD)

    def close(self) -> None:
        """Close; the system sends what was written."""
        with suppress(OSError):
            self._socket.close()

    def _wait(self, seconds: float) -> None:
        """Read what is there, or comes first within `seconds`: of a small image all PDUs at once. Raises `Idle`."""
        try:
            self._read(1, seconds)
        except (TimeoutError, BlockingIOError) as why:
            raise Idle from why
        except OSError as why:
            raise Lost from why

    def _take(self, length: int) -> memoryview:
        """The next `length` bytes, no more than are read at once; they are good until more are asked for."""
        if length > len(self._ahead):
            self._require(length)
        view, self._ahead = self._ahead[:length], self._ahead[length:]
        return view

    def _take_some(self, most: int) -> memoryview:
        if not self._ahead:
            self._require(min(most, _AHEAD_IN_DATA))
        view, self._ahead = self._ahead[:most], self._ahead[most:]
        return view

    def _require(self, length: int) -> None:
        """Read until so many bytes are there. Raises `Lost` if they do not come within a PDU's time."""
        deadline = time.monotonic() + self._pdu_timeout_s
        while (missing := length - len(self._ahead)) > 0:
            try:
                self._read(missing, self._pdu_timeout_s)
            except OSError as why:
                raise Lost from why
            if time.monotonic() > deadline:
                raise Lost

    def _read(self, missing: int, seconds: float) -> None:
        """Read so many bytes, and what else is there already, behind what was not taken. Raises `Lost` at the end, and
        `OSError`."""
        self._make_room(missing)
        self._allow(seconds)
        self._await(missing)
        kept = len(self._ahead)
        count = self._socket.recv_into(memoryview(self._read_ahead)[kept:])
        if not count:
            raise Lost
        self._ahead = memoryview(self._read_ahead)[: kept + count]

    def _make_room(self, missing: int) -> None:
        """Let what was not taken stand at the beginning, with room behind it."""
        kept, needed = self._ahead, len(self._ahead) + missing
        if needed > len(self._read_ahead):
            self._replace_read_ahead(
                _new_buffer(_AHEAD_AT_REST if needed <= _AHEAD_AT_REST else _AHEAD_IN_DATA)
            )
        self._ahead = memoryview(self._read_ahead)[: len(kept)]
        self._ahead[:] = kept  # between memoryviews: bytes may move onto themselves

    def _replace_read_ahead(self, buffer: bytearray) -> None:
        if len(self._read_ahead) == _AHEAD_IN_DATA and len(_spare) < _MOST_SPARE:
            _spare.append(self._read_ahead)
        self._read_ahead = buffer

    def _await(self, missing: int) -> None:
        """Let the system wake us when so many bytes are there, or enough, or the peer has closed."""
        awaited = min(missing, _MOST_AWAITED)
        if awaited != self._awaited and not self.over_tls:
            self._awaited = awaited
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, awaited)

    def _allow(self, seconds: float) -> None:
        """How long the next reads and writes may each take. The system keeps the time of a plain connection: Python's
        own timeouts would ask before every read whether there is anything, at the price of a change of threads."""
        if seconds == self._allowed_s:
            return
        self._allowed_s = seconds
        if self.over_tls:
            self._socket.settimeout(seconds)
            return
        whole = int(seconds)
        value = struct.pack("@ll", whole, max(1, int((seconds - whole) * 1e6)))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


_spare: list[bytearray] = []
"""Buffers that were used: to make one anew takes longer than to fill it."""


def _new_buffer(size: int) -> bytearray:
    if size == _AHEAD_IN_DATA:
        with suppress(IndexError):
            return _spare.pop()
    return bytearray(size)


def _keep_alive(connected: socket.socket) -> None:
    """A peer that vanished without a word, behind a line that failed, is noticed within two minutes."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)

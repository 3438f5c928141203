"""A long thin line on loopback: bytes take half the round trip each way, leave at the line's rate, and begin as TCP
begins, with ten segments that double with each round trip."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue

_SEGMENT = 1448
_FIRST_WINDOW = 10 * _SEGMENT


@contextmanager
def thin_link(target_port: int, round_trip_s: float, bits_per_s: float) -> Iterator[int]:
    """Forwards connections to `target_port`; yields the port to connect to."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", target_port))
                opened.extend((near, far))
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, sink in ((near, far), (far, near)):
                    _Direction(source, sink, round_trip_s, bits_per_s / 8).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        for one in (listener, *opened):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class _Direction:
    """One way: a thread takes bytes and says when they arrive, another lets them arrive."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, round_trip_s: float, bytes_per_s: float
    ) -> None:
        self._ends = source, sink
        self._round_trip_s, self._bytes_per_s = round_trip_s, bytes_per_s
        self._line: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        self._free_at = 0.0  # when the line has sent all that was given to it
        self._window, self._left, self._window_ends_at = _FIRST_WINDOW, _FIRST_WINDOW, 0.0

    def start(self) -> None:
        for work in (self._take, self._deliver):
            threading.Thread(target=work, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):
            while piece := self._ends[0].recv(_SEGMENT):
                self._line.put((self._sent_at(len(piece)) + self._round_trip_s / 2, piece))
        self._line.put((0.0, b""))

    def _sent_at(self, size: int) -> float:
        """When the last byte of a segment leaves: the line must be free, and the window open."""
        now = max(time.monotonic(), self._free_at)
        if now - self._window_ends_at > 1.0:  # idle for long: it begins anew (RFC 5681 4.1)
            self._window = self._left = _FIRST_WINDOW
            self._window_ends_at = now + self._round_trip_s
        elif self._left < size or now >= self._window_ends_at:
            now = max(now, self._window_ends_at) if self._left < size else now
            self._window = self._left = self._window * 2
            self._window_ends_at = now + self._round_trip_s
        self._left -= size
        self._free_at = now + size / self._bytes_per_s
        return self._free_at

    def _deliver(self) -> None:
        with suppress(OSError):
            while True:
                at, piece = self._line.get()
                if not piece:
                    break
                time.sleep(max(0.0, at - time.monotonic()))
                self._ends[1].sendall(piece)
            self._ends[1].shutdown(socket.SHUT_WR)

"""A line that may harm what it carries: a real TCP forwarder between a client and a server of the tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

Harm = Callable[[bytes, int], bytes | None]
"""What becomes of a piece, by its number from 0 on this line in this direction; None cuts the connection."""


class BadLink:
    """Listens on a port of its own and forwards to `target_port` on loopback. A context manager."""

    def __init__(self, target_port: int, *, upward: Harm | None = None, downward: Harm | None = None) -> None:
        self._target = ("127.0.0.1", target_port)
        self._harm = (upward, downward)
        self._counts = [0, 0]
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> BadLink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        _end(self._listener)
        for one in self._open:
            _end(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for direction, pair in enumerate(((near, far), (far, near))):
                    threading.Thread(target=self._carry, args=(direction, *pair), daemon=True).start()

    def _carry(self, direction: int, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                passed = self._harmed(direction, piece)
                if passed is None:
                    break
                target.sendall(passed)
        _end(source)
        _end(target)

    def _harmed(self, direction: int, piece: bytes) -> bytes | None:
        with self._lock:
            number = self._counts[direction]
            self._counts[direction] += 1
        harm = self._harm[direction]
        return harm(piece, number) if harm else piece


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()

"""One listening socket and the thread that accepts on it."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

import structlog

from dicom_node.peers import plain_address

log = structlog.get_logger("farlight.dicom_node")

Attend = Callable[[socket.socket, str, ssl.SSLContext | None], None]
"""Told of each connection, the plain address it comes from, and the context of the TLS it is to speak."""


class Listener:
    """Accepts for `attend`, in a thread of its own. The socket may be shared with other processes."""

    def __init__(self, listening: socket.socket, context: ssl.SSLContext | None, attend: Attend) -> None:
        self._attend = attend
        self._context = context
        self._socket = listening
        self._socket.setblocking(False)  # another process may be quicker to accept
        self._woken, self._wake = socket.socketpair()
        self.port: int = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept_all, name="dicom-acceptor", daemon=True)

    def start(self) -> None:
        """Accept from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more; what is open goes on, and so do other processes with the same socket."""
        self._wake.close()
        if self._thread.is_alive():
            self._thread.join(5)
        self._woken.close()
        self._socket.close()

    def _accept_all(self) -> None:
        while self._woken not in select.select([self._socket, self._woken], [], [])[0]:
            try:
                self._accept()
            except BlockingIOError:
                continue
            except OSError as why:
                log.warning("connection not accepted", reason=why.strerror)
                time.sleep(0.1)  # out of descriptors: give some a chance to close

    def _accept(self) -> None:
        connected, address = self._socket.accept()
        try:
            self._attend(connected, plain_address(address[0]), self._context)
        except RuntimeError:
            log.exception("no thread for a connection")
            connected.close()

"""HTTP connections that cannot be held open by saying nothing, nor fill the memory with a head that never ends."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from viewer_api.problems import problem

MAX_HEAD = 128 << 10
"""Bytes of a request's line and headers; a list of 10,000 frames takes half of it."""
_LOOK_EVERY_S = 1.0


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a watch on each connection.

    A head must come within `HEAD_WITHIN_S`, a body must not pause for `BODY_PAUSE_S`, and a client must take something
    of its answer every `READ_PAUSE_S`.
    """

    HEAD_WITHIN_S = 20.0
    BODY_PAUSE_S = 90.0
    READ_PAUSE_S = 120.0

    _head_since: float | None = None
    _head_bytes = 0
    _heard_at = 0.0
    _unread, _unread_since = 0, 0.0
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._head_since = self._heard_at = self.loop.time()
        self._watch = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._heard_at = self.loop.time()
        super().data_received(data)
        if self._head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse(431, f"the line and headers of a request have at most {MAX_HEAD >> 10} KiB")

    def on_message_begin(self) -> None:
        """See `HttpToolsProtocol`."""
        super().on_message_begin()
        self._head_bytes = 0
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """See `HttpToolsProtocol`."""
        self._head_since = None
        super().on_headers_complete()

    def _look(self) -> None:
        now = self.loop.time()
        if self._head_since is not None and now - self._head_since > self.HEAD_WITHIN_S:
            self._refuse(408, "the request did not come whole in time")
        elif self._waits_for_body() and now - self._heard_at > self.BODY_PAUSE_S:
            self.transport.close()
        elif self._is_unread(now):
            self.transport.abort()
        if not self.transport.is_closing():
            self._watch = self.loop.call_later(min(_LOOK_EVERY_S, self.HEAD_WITHIN_S), self._look)

    def _waits_for_body(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or self.flow.read_paused:
            return False
        return cycle.more_body

    def _is_unread(self, now: float) -> bool:
        """Whether nothing of what waits to be sent was taken for long."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread:
            self._unread, self._unread_since = unread, now
        return now - self._unread_since > self.READ_PAUSE_S

    def _refuse(self, status: int, detail: str) -> None:
        if self.transport.is_closing():
            return
        body = problem(status, "INVALID", detail).body
        head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/problem+json\r\nConnection: close\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + bytes(body))
        self.transport.close()

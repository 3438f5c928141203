"""uvicorn on a socket that several web processes share: who has many connections waits a little before the next.

Given the socket itself, a process would take every connection that waits at once, and the others none: a browser opens
its six connections in one moment, and a reading room its fifty.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

_STEP_S, _LONGEST_S = 0.0001, 0.001


class WebServer(uvicorn.Server):
    """Serves on `listening` alone; `config`'s host and port are not looked at."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening
        self._taken: set[asyncio.Task[None]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: streams are told to end before connections are waited for."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        await super().startup(sockets=[])
        self._listening.setblocking(False)
        self._look_out()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        await super().shutdown(sockets=[])

    def _look_out(self) -> None:
        if self._listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listening, self._let_others)

    def _let_others(self) -> None:
        """Those with fewer connections are quicker."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening)
        loop.call_later(min(_LONGEST_S, _STEP_S * len(self.server_state.connections)), self._take)

    def _take(self) -> None:
        """One connection, if it is still there."""
        with suppress(OSError):
            connection, _ = self._listening.accept()
            connection.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._serve_on(connection))
            self._taken.add(task)
            task.add_done_callback(self._taken.discard)
        self._look_out()

    async def _serve_on(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the caller is gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """As `uvicorn.Server.startup` makes them."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

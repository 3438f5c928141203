"""Whose turn it is: what somebody looks at goes before thumbnails, and these before what is fetched ahead.

A process works on a few DICOMweb requests at once; more of them would only take the processor from each other. The
others wait in order of urgency. A client tells it by the `Priority` header (RFC 9218): ``u=0`` to ``u=3``, the
default, is looked at; ``u=4`` and ``u=5`` are thumbnails, which is the default of such resources; ``u=6`` and ``u=7``
are fetched ahead. The less urgent may take only a part of the places: there is always one for what somebody looks at.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOKED_AT, THUMBNAIL, AHEAD = range(3)
PLACES = (8, 4, 2)
"""How many of each kind, or of less urgent ones, are worked on at once by one process."""
_URGENCY = re.compile(rb"(?:^|[,;\s])u\s*=\s*([0-7])(?![0-9.])")
_KIND_OF = (LOOKED_AT,) * 4 + (THUMBNAIL,) * 2 + (AHEAD,) * 2


def kind_of(scope: Scope) -> int | None:
    """The kind of this request, None for one that waits for nobody."""
    if scope["type"] != "http" or scope["method"] != "GET" or "/dicom-web/" not in scope["path"]:
        return None
    for name, value in scope["headers"]:
        if name == b"priority" and (found := _URGENCY.search(value)):
            return _KIND_OF[int(found[1])]
    return THUMBNAIL if scope["path"].endswith("/thumbnail") else LOOKED_AT


@dataclass
class Places:
    """Who works and who waits. For one event loop."""

    limits: tuple[int, ...] = PLACES
    working: list[int] = field(default_factory=lambda: [0] * len(PLACES))
    waiting: tuple[deque[asyncio.Future[None]], ...] = field(
        default_factory=lambda: tuple(deque() for _ in PLACES)
    )

    def take(self, kind: int) -> asyncio.Future[None] | None:
        """A place at once, or what to wait for; it is given up by `leave` or, before it came, by `give_up`."""
        if not any(self.waiting[: kind + 1]) and self._has_room(kind):
            self.working[kind] += 1
            return None
        turn = asyncio.get_running_loop().create_future()
        self.waiting[kind].append(turn)
        return turn

    def leave(self, kind: int) -> None:
        """Work is done, and who is next may begin."""
        self.working[kind] -= 1
        for next_kind, line in enumerate(self.waiting):
            while line and self._has_room(next_kind):
                self.working[next_kind] += 1
                line.popleft().set_result(None)

    def give_up(self, kind: int, turn: asyncio.Future[None]) -> None:
        """Wait no more. A place that came meanwhile goes to somebody else."""
        if turn.done() and not turn.cancelled():
            self.leave(kind)
        elif turn in self.waiting[kind]:
            self.waiting[kind].remove(turn)

    def _has_room(self, kind: int) -> bool:
        return all(sum(self.working[each:]) < self.limits[each] for each in range(kind + 1))


class Turns:
    """The ASGI layer. A place is taken until the answer begins: a slow line holds up nobody."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.places = Places()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        kind = kind_of(scope)
        if kind is None:
            await self.app(scope, receive, send)
            return
        turn = self.places.take(kind)
        if turn is not None and not await self._came(kind, turn, receive):
            return  # the client is gone: a viewer scrolled on
        await self._work(kind, scope, _Again(receive) if turn else receive, send)

    async def _work(self, kind: int, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_leave(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                self.places.leave(kind)
            await send(message)

        try:
            await self.app(scope, receive, send_and_leave)
        finally:
            if not begun:
                self.places.leave(kind)

    async def _came(self, kind: int, turn: asyncio.Future[None], receive: Receive) -> bool:
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.places.give_up(kind, turn)
            raise
        finally:
            gone.cancel()
        if not turn.done():
            self.places.give_up(kind, turn)
        return turn.done()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Again:
    """A GET has no body, and that message was read while waiting: it is told once more."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._told = False

    async def __call__(self) -> Message:
        if not self._told:
            self._told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await self._receive()

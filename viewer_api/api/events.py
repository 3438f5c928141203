"""Server-sent events: every screen learns of changes within a moment, and resumes where it was."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from viewer_api.access import Caller, caller, token_of
from viewer_api.live import KEEP_OPEN_S, LiveFeed
from viewer_api.moments import iso
from viewer_api.sessions import person_of
from worklist.events import Happening, Position
from worklist.people import Person

router = APIRouter()

LOOK_AGAIN_S = 5.0


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request,
    calling: Annotated[Caller, Depends(caller)],
    last_event_id: Annotated[str, Header()] = "",
    since: Annotated[str, Query(max_length=50)] = "",
) -> StreamingResponse:
    """The stream of docs/http-api.md, from `Last-Event-ID` on."""
    live: LiveFeed = request.app.state.live
    position = Position.parse(last_event_id or since) or live.position
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    stream = _stream(live, Watcher(calling, token_of(request)), position)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


class Watcher:
    """Who listens: looked at again every so often, for a session may end and a role be taken away meanwhile."""

    def __init__(self, calling: Caller, token: str) -> None:
        self.person: Person | None = calling.person
        self._archive, self._token = calling.archive, token
        self._looked_at = time.monotonic()

    async def look_again(self) -> Person | None:
        """The person as of now, None if the session is over."""
        if self.person is not None and time.monotonic() - self._looked_at > LOOK_AGAIN_S:
            self.person = await asyncio.to_thread(self._read, self.person.address)
            self._looked_at = time.monotonic()
        return self.person

    def _read(self, address: str) -> Person | None:
        with self._archive.database.read() as connection:
            return person_of(connection, self._token, address)


async def _stream(live: LiveFeed, watcher: Watcher, position: Position) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    yield _line("ready", position, {"last_event_id": str(position)})
    while live.running:
        found = await live.wait_after(position, KEEP_OPEN_S)
        person = await watcher.look_again()
        if person is None:
            return
        if not found:
            yield ": still here\n\n"
        for happening in found:
            position = happening.position
            if happening.sites & person.sites:
                yield _line(happening.kind, position, _data(happening))


def _line(event: str, position: Position, data: dict[str, object]) -> str:
    text = json.dumps(data, separators=(",", ":"))
    return f"event: {event}\nid: {position}\ndata: {text}\n\n"


def _data(happening: Happening) -> dict[str, object]:
    if happening.kind == "request":
        names = ("request_id", "version", "state", "command")
    else:
        names = ("site", "study_instance_uid", "epoch", "instance_count")
    return {**{name: getattr(happening, name) for name in names}, "at": iso(happening.at)}

"""What somebody looks at goes before thumbnails, and these before what is fetched ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from viewer_api.turns import AHEAD, LOOKED_AT, PLACES, THUMBNAIL, Turns, kind_of

FRAME = "/dicom-web/studies/1/series/2/instances/3/frames/1"


def scope(path: str = FRAME, priority: str = "", method: str = "GET") -> dict[str, Any]:
    headers = [(b"priority", priority.encode())] if priority else []
    return {"type": "http", "method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (scope(), LOOKED_AT),
        (scope(priority="u=0"), LOOKED_AT),
        (scope(priority="u=3, i"), LOOKED_AT),
        (scope(priority="u=4"), THUMBNAIL),
        (scope(priority="i, u=5"), THUMBNAIL),
        (scope(priority="u=6"), AHEAD),
        (scope(priority="i,u=7"), AHEAD),
        (scope(priority="u=9"), LOOKED_AT),
        (scope(priority="nu=7"), LOOKED_AT),
        (scope(priority="u=70"), LOOKED_AT),
        (scope(f"{FRAME}/thumbnail"), THUMBNAIL),
        (scope(f"{FRAME}/thumbnail", "u=2"), LOOKED_AT),
        (scope("/sites/KASHI/dicom-web/studies"), LOOKED_AT),
        (scope("/api/requests"), None),
        (scope("/dicom-web/studies", method="POST"), None),
        ({"type": "lifespan"}, None),
    ],
)
def test_a_request_tells_its_kind(asked: dict[str, Any], kind: int | None) -> None:
    assert kind_of(asked) == kind


class Served:
    """A server whose every answer waits until it is let go; it tells in which order they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.let_go: dict[str, asyncio.Event] = {}
        self.turns = Turns(self._answer)
        self.tasks: list[asyncio.Task[None]] = []

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["name"]
        self.begun.append(name)
        await self.let_go.setdefault(name, asyncio.Event()).wait()
        if name == "fails":
            raise ValueError(name)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()  # the body goes over a line that is slow for ever

    async def ask(self, name: str, priority: str, receive: Callable[[], Any] | None = None) -> None:
        async def open_line() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(_message: Any) -> None: ...

        asked = {**scope(priority=priority), "name": name}
        self.tasks.append(asyncio.create_task(self.turns(asked, receive or open_line, send)))
        await settle()

    async def finish(self, name: str) -> None:
        self.let_go.setdefault(name, asyncio.Event()).set()
        await settle()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def run(story: Callable[[Served], Any]) -> None:
    async def whole() -> None:
        served = Served()
        try:
            await story(served)
        finally:
            await served.end()

    asyncio.run(whole())


def test_what_is_looked_at_finds_a_place_among_many_that_are_fetched_ahead() -> None:
    async def story(served: Served) -> None:
        for number in range(20):
            await served.ask(f"ahead {number}", "u=7")
        assert len(served.begun) == PLACES[AHEAD]
        await served.ask("looked at", "")
        assert served.begun[-1] == "looked at"
        await served.finish("ahead 0")
        assert served.begun[-1] == "ahead 2", "a slow line holds no place"

    run(story)


def test_whoever_waits_is_served_by_urgency_and_then_in_turn() -> None:
    async def story(served: Served) -> None:
        first = [f"first {number}" for number in range(PLACES[LOOKED_AT])]
        for name in first:
            await served.ask(name, "u=1")
        for name, priority in (("ahead", "u=6"), ("thumbnail", "u=4"), ("second", ""), ("third", "u=0")):
            await served.ask(name, priority)
        assert served.begun == first
        for name in first:
            await served.finish(name)
        assert served.begun[len(first) :] == ["second", "third", "thumbnail", "ahead"]

    run(story)


def test_a_place_comes_back_from_who_failed_and_from_who_has_gone() -> None:
    async def story(served: Served) -> None:
        for number in range(PLACES[LOOKED_AT] - 1):
            await served.ask(f"first {number}", "")
        await served.ask("fails", "")
        gone = asyncio.Event()

        async def leaves() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        await served.ask("scrolled on", "", leaves)
        await served.ask("waits", "")
        gone.set()
        await settle()
        await served.finish("fails")
        assert served.begun[-1] == "waits"
        assert "scrolled on" not in served.begun

    run(story)

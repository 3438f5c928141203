"""One request for a rendered resource, as the renderers of special objects take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Response

from storage.archive import Archive
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.caching import IMMUTABLE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.viewing import viewed
from viewer_api.render import Picture


@dataclass(frozen=True)
class Ask:
    """`frame_number` counts from 1, None means the object as a whole; `control` is the answer's Cache-Control."""

    request: Request
    caller: Caller
    found: StoredInstance
    frame_number: int | None = None
    control: str = IMMUTABLE

    @property
    def archive(self) -> Archive:
        """Where everything lies."""
        return self.caller.archive

    def answer(
        self,
        make: Callable[[], bytes],
        media_type: str,
        *depends_on: object,
        control: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """What `make` makes, or 304 if the client has it: the tag is of the instance and of `depends_on`."""
        viewed(self.caller, self.found)
        control = control or self.control
        tag = entity_tag("rendered", self.found.sha256, media_type, self.frame_number, *depends_on)
        unchanged = not_modified(self.request, tag, control)
        if unchanged is not None:
            return unchanged
        # As a header, because what calls itself text would be said to be UTF-8, and an XML document tells it itself.
        told = {"Content-Type": media_type, **cache_headers(tag, control), **(headers or {})}
        return Response(make(), headers=told)


@dataclass(frozen=True)
class Renderer:
    """How one kind of object is shown.

    `rendered` answers a request for the object or one of its frames; `thumbnail` makes its small picture, None where
    a card has to stand for it; `symbol` is what that card shows. A thumbnail that is not `settled` changes when other
    instances come.
    """

    rendered: Callable[[Ask], Response]
    thumbnail: Callable[[Ask, Rendering], Picture | None]
    symbol: str = ""
    settled: bool = True


def no_thumbnail(ask: Ask, rendering: Rendering) -> Picture | None:
    """For what has no picture of its own."""
    return None

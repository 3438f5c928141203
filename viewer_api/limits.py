"""A bound on what a caller may send, as a plain ASGI layer: refused by its announced length, or when it passes it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewer_api.problems import problem

MAX_JSON_BODY = 1 << 20
"""Bytes of a request to the reading API: the longest report is a fraction of it."""


class BodyLimit:
    """Bodies under `/api` are bounded here; STOW-RS bounds its own, which are images."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        if _announced(scope) > MAX_JSON_BODY:
            await problem(413, "TOO_LARGE", _TOO_LARGE)(scope, receive, send)
            return
        counted = _Counted(receive)
        await self.app(scope, counted, send)


_TOO_LARGE = f"a request to this address holds at most {MAX_JSON_BODY >> 10} KiB"


class _Counted:
    """Passes messages on until there are too many bytes; then the body ends, and parsing it fails as it should."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MAX_JSON_BODY:
            return {"type": "http.request", "body": b"", "more_body": False}
        return message


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 19:
            return int(value)
    return 0

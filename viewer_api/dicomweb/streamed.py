"""An answer that is read while it is sent, and no further once the client has gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import closing

from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

_GATHERED_BYTES = 64 << 10
"""Smaller contents go out together: each send is a change of threads."""


class Streamed(StreamingResponse):
    """The first bytes are read before the answer begins, so that what is missing is still an error and no answer that
    breaks off. `contents` is closed in the end, whatever happens. HEAD reads nothing at all. `length`, if it is known,
    is that of the whole.
    """

    def __init__(
        self,
        contents: Generator[bytes],
        *,
        media_type: str,
        headers: dict[str, str],
        length: int | None = None,
        status_code: int = 200,
    ) -> None:
        self._contents = _gathered(contents)
        told = headers if length is None else {**headers, "Content-Length": str(length)}
        super().__init__(self._chunks(), status_code, told, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["method"] == "HEAD":
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            await send({"type": "http.response.body", "body": b""})
            self._contents.close()
            return
        try:
            self._first = await run_in_threadpool(next, self._contents, b"")
            await super().__call__(scope, receive, send)
        finally:
            self._contents.close()

    async def _chunks(self) -> AsyncIterator[bytes]:
        chunk = self._first
        while chunk:
            yield chunk
            chunk = await run_in_threadpool(next, self._contents, b"")


def _gathered(contents: Generator[bytes]) -> Generator[bytes]:
    with closing(contents):
        waiting: list[bytes] = []
        size = 0
        for content in contents:
            waiting.append(content)
            size += len(content)
            if size >= _GATHERED_BYTES:
                yield waiting[0] if len(waiting) == 1 else b"".join(waiting)
                waiting, size = [], 0
        if size:
            yield b"".join(waiting)

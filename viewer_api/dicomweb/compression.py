"""JSON answers in gzip for those who take it (RFC 9110 12.5.3): the slices of a series repeat each other."""

from __future__ import annotations

import gzip

from fastapi import Request

_WORTH_BYTES = 1024
_LEVEL = 3


def accepts_gzip(request: Request) -> bool:
    """Whether Accept-Encoding names gzip, or anything, and does not refuse it."""
    for element in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = element.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def compressed(body: bytes, headers: dict[str, str]) -> bytes:
    """The body in gzip, told in `headers`; a small one as it is."""
    if len(body) < _WORTH_BYTES:
        return body
    headers["Content-Encoding"] = "gzip"
    return gzip.compress(body, _LEVEL, mtime=0)

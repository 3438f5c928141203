"""Entity tags and conditional requests (RFC 9110 8.8.3, 13.1.2). What a UID and a hash name never changes."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response

IMMUTABLE = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"
"""May be kept, and must be asked for again: a study can grow."""


def entity_tag(*parts: object) -> str:
    """A strong tag of everything an answer depends on."""
    text = "\0".join(str(part) for part in parts)
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def cache_headers(tag: str, control: str) -> dict[str, str]:
    """For an answer of its own tag; what is answered depends on what is accepted."""
    return {"ETag": tag, "Cache-Control": control, "Vary": "Accept, Accept-Encoding, Cookie, Authorization"}


def not_modified(request: Request, tag: str, control: str) -> Response | None:
    """304 if the client has it already."""
    known = request.headers.get("if-none-match", "")
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    if tag not in tags and "*" not in tags:
        return None
    return Response(status_code=304, headers=cache_headers(tag, control))

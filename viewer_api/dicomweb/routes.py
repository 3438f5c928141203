"""How a DICOMweb route is declared: GET with HEAD beside it, and the caller who is asked for on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, Request, Response

from storage.errors import Invalid
from viewer_api.access import Caller, caller


def caller_here(request: Request) -> Caller:
    """Who calls, with an address that is text. Raises what `caller` raises, and `Invalid`."""
    known = caller(request)
    _require_text("path", request.scope.get("raw_path") or b"")
    _require_text("query", request.scope["query_string"])
    return known


def _require_text(part: str, raw: bytes) -> None:
    """Neither NULs, which no database compares, nor what is no UTF-8, in whose place we would look for something
    else than was asked."""
    octets = unquote_to_bytes(raw)
    if b"\0" in octets:
        raise Invalid(f"the {part} of this address holds a NUL")
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError as why:
        raise Invalid(f"the {part} of this address is not UTF-8") from why


CallerHere = Annotated[Caller, Depends(caller_here)]
"""Every handler takes one."""

Handler = TypeVar("Handler", bound=Callable[..., Response])

STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"


def get(router: APIRouter, path: str) -> Callable[[Handler], Handler]:
    """Serve GET and HEAD; only GET is documented."""

    def declare(handler: Handler) -> Handler:
        router.get(path, response_class=Response)(handler)
        router.head(path, response_class=Response, include_in_schema=False)(handler)
        return handler

    return declare

"""How a DICOMweb route is declared: GET with HEAD beside it, and the caller who is asked for on each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Depends, Request, Response

from storage.errors import Invalid
from viewer_api.access import Caller, caller
from viewer_api.dicomweb.direct_route import direct_route
from viewer_api.problems import described


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

_Direct = direct_route(caller_here)

Handler = TypeVar("Handler", bound=Callable[..., Response])

STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"


def get(
    router: APIRouter,
    path: str,
    *,
    produces: Sequence[str] = (),
    parameters: Sequence[Mapping[str, Any]] = (),
    statuses: Sequence[int] = (304, 406),
) -> Callable[[Handler], Handler]:
    """Serve GET and HEAD; only GET is documented: the media types it `produces`, its query `parameters` as OpenAPI
    has them, and what it answers beside 200 and what every address answers (`viewer_api.docs`)."""
    ok: dict[str, Any] = {"description": "as asked for"}
    if produces:
        ok["content"] = {media_type: {} for media_type in produces}
    responses: dict[int | str, dict[str, Any]] = {
        200: ok,
        **{status: described(status) for status in statuses},
    }

    def declare(handler: Handler) -> Handler:
        extra = {"parameters": list(parameters)} if parameters else None
        described_as = {"responses": responses, "openapi_extra": extra}
        for method, told in (("GET", described_as), ("HEAD", {"include_in_schema": False})):
            router.add_api_route(
                path,
                handler,
                methods=[method],
                response_class=Response,
                route_class_override=_Direct,
                **told,
            )
        return handler

    return declare

"""What an error looks like over HTTP: `application/problem+json` (RFC 9457), one table for the six kinds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from storage.errors import Conflict, Corrupt, Denied, Error, Invalid, NotFound, Unavailable
from viewer_api.moments import iso

log = structlog.get_logger(__name__)

STATUS: dict[type[Error], int] = {
    Invalid: 400,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    Corrupt: 500,
    Unavailable: 503,
}
_BY_CODE = {
    "UNAUTHENTICATED": 401,
    "LOCKED": 429,
    "NOT_ACCEPTABLE": 406,
    "TOO_LARGE": 413,
    "TOO_BROAD": 413,
}
TITLES = {
    400: "Invalid request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    422: "Invalid request",
    429: "Too many tries",
    500: "Our fault",
    503: "Unavailable for now",
}
_CODES = {404: "NOT_FOUND", 405: "INVALID", 406: "NOT_ACCEPTABLE", 413: "TOO_LARGE"}
_NOT_PROBLEMS = {202: "Accepted", 204: "Done", 206: "Part of it", 304: "Not modified: you have it already"}
RETRY_AFTER_S = 5


class Problem(JSONResponse):
    """A problem document."""

    media_type = "application/problem+json"


def problem(status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None) -> Problem:
    """Build the answer; `extra` are the fields that a client may act on."""
    title = TITLES.get(status, "Error")
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = str((extra or {}).get("retry_after_s", RETRY_AFTER_S))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Farlight"'  # RFC 9110 11.6.1
    return Problem({**body, **_jsonable(extra or {})}, status_code=status, headers=headers)


def described(status: int) -> dict[str, Any]:
    """A status as OpenAPI describes it: errors are problems."""
    if status in _NOT_PROBLEMS:
        return {"description": _NOT_PROBLEMS[status]}
    return {"description": TITLES.get(status, "Error"), "content": {Problem.media_type: {"schema": SCHEMA}}}


SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "what a client may act on"},
    },
}
"""RFC 9457, with the code; some cases have further fields."""


def status_of(error: Error) -> int:
    """The HTTP status of an error of ours."""
    return _BY_CODE.get(error.code, STATUS[type(error)])


def install(app: FastAPI) -> None:
    """Teach `app` the table."""
    app.add_exception_handler(Error, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _bug)


async def _ours(_request: Request, error: Exception) -> Problem:
    assert isinstance(error, Error)  # noqa: S101 - registered for this type only
    if isinstance(error, Corrupt):
        log.error("corrupt", detail=error.message)
    return problem(status_of(error), error.code, error.message, error.details)


async def _http(_request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    told = problem(error.status_code, _CODES.get(error.status_code, "INVALID"), str(error.detail))
    told.headers.update(error.headers or {})
    return told


async def _validation(_request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return problem(
        400, "INVALID", f"{field}: {first['msg']}" if field else str(first["msg"]), {"field": field}
    )


async def _bug(request: Request, error: Exception) -> Problem:
    why = error.__cause__
    if isinstance(why, Error):  # raised when the answer had begun: it breaks off, as the client sees
        log.warning("answer broke off", route=_route(request), reason=why.message)
        return await _ours(request, why)
    log.error("bug", method=request.method, route=_route(request), exc_info=error)
    return problem(500, "BUG", "something went wrong on our side; it has been logged")


def _route(request: Request) -> str:
    """The route's pattern, not its address: an address may hold identifiers."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "?"))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return iso(value) if isinstance(value, datetime) else value

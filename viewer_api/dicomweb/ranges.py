"""A value that is one piece of known length, whole or the range of it that is asked for (RFC 9110 14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from fastapi import Request, Response

from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.reading_ahead import Piece, read_in_order
from viewer_api.dicomweb.streamed import Streamed
from viewer_api.problems import problem

_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)

Pieces = Callable[[int, int], Iterable[Piece]]
"""So many bytes (the second) of a value from the first on."""


def whole_or_range(
    request: Request,
    pieces: Pieces,
    length: int,
    *,
    media_type: str,
    headers: dict[str, str],
) -> Response:
    """All `length` bytes, or 206 with those asked for; `pieces(start, size)` reads no others. `headers` have the ETag.

    Several ranges, and those of another version (`If-Range`), are answered with the whole, as they may; a range that
    begins behind the end with 416.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    asked = _asked(request, headers["ETag"], length)
    start, end = asked or (0, length)
    if asked and start >= end:
        return _not_satisfiable(length)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    return Streamed(
        read_in_order(pieces(start, end - start)),
        media_type=media_type,
        headers=headers,
        length=end - start,
        status_code=206 if asked else 200,
    )


def in_one_part(
    request: Request, part: Part, pieces: Pieces, length: int, headers: dict[str, str]
) -> Response:
    """The same in the one part of a `multipart/related` answer, whose head says which bytes it has: dicomweb-client
    asks for ranges in no other way. `part` lacks its content."""
    headers = {**headers, "Accept-Ranges": "bytes"}
    asked = _asked(request, headers["ETag"], length)
    start, end = asked or (0, length)
    if asked and start >= end:
        return _not_satisfiable(length)
    told = f"bytes {start}-{end - 1}/{length}" if asked else ""
    filled = replace(part, content=pieces(start, end - start), length=end - start, content_range=told)
    return multipart_response([filled], part.media_type, headers, 206 if asked else 200)


def _not_satisfiable(length: int) -> Response:
    refused = problem(416, "RANGE_NOT_SATISFIABLE", f"there are {length} bytes", {"length": length})
    refused.headers.update({"Accept-Ranges": "bytes", "Content-Range": f"bytes */{length}"})
    return refused


def _asked(request: Request, tag: str, length: int) -> tuple[int, int] | None:
    """Half open; None for the whole. Only GET has ranges (RFC 9110 14.2), and only of the version the client has."""
    given = _ONE_RANGE.fullmatch(request.headers.get("range", ""))
    if given is None or request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = given.groups()
    if not first:
        return (max(0, length - int(last)), length) if last else None
    if last and int(last) < int(first):
        return None  # RFC 9110 14.1.1: it is invalid, and ignored
    return int(first), min(int(last) + 1, length) if last else length

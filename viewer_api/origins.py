"""Other origins whose pages may read from here (CORS, the Fetch standard 3.3): those that are registered, no others.

Their requests carry a bearer token, or the session cookie where the browser sends it; what changes something is only
taken with a token (`viewer_api.access`).
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from viewer_api.problems import problem

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE")
TAKEN = (
    *("Authorization", "Accept", "Content-Type", "Cache-Control", "If-Match", "If-None-Match"),
    *("If-Modified-Since", "If-Range", "Last-Event-ID", "Prefer", "Range", "X-Requested-With"),
)
"""Headers that such a page may send."""
SHOWN = (
    *("Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Location"),
    *("Content-Range", "ETag", "Location", "Preference-Applied", "Retry-After", "Warning", "X-Total-Count"),
    *("Farlight-Image-Position", "Farlight-Image-Orientation", "Farlight-Pixel-Spacing", "Farlight-Window"),
    *("Farlight-Frame-Of-Reference", "Farlight-Mpr-Offsets"),
)
"""Headers of answers that it may read, beside those that every page may."""
KEPT_S = 86400
"""Browsers ask for each address; they keep the answer for as long as they like to, at most so long."""


class RegisteredOrigins(CORSMiddleware):
    """An ASGI layer; `origins` are as browsers write them: ``https://viewer.example.org``."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=TAKEN,
            allow_credentials=True,
            expose_headers=SHOWN,
            max_age=KEPT_S,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """What is refused is told as every other error is."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        told = problem(
            403, "FOREIGN_ORIGIN", "this origin, method or header is not one that is registered here"
        )
        told.headers["Vary"] = "Origin"
        return told

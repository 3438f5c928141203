"""How a DICOMweb route is declared: GET with HEAD beside it, and the caller who is asked for on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Response

from viewer_api.access import Caller, caller

CallerHere = Annotated[Caller, Depends(caller)]
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

"""Rendered MPR and rendered 3-D resources (PS3.18 10.4.1.1.7, 10.4.1.1.8)."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from storage.archive import Archive
from viewer_api.access import Caller
from viewer_api.dicomweb.caching import REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.parameters import PICTURES
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed
from viewer_api.dicomweb.volumes.asked import GIF, Asked, read_asked
from viewer_api.dicomweb.volumes.held import Held, Target
from viewer_api.dicomweb.volumes.rendering import Answer, held_and_stack, mpr
from viewer_api.volume.stacks import Stack

router = APIRouter()
_STATUSES = (304, 400, 404, 406, 409, 503)
_Renderer = Callable[[Archive, Held, Stack, Asked], Answer]


@get(router, STUDY + "/renderedmpr", produces=(*PICTURES, DICOM_JSON), statuses=_STATUSES)
def study_mpr(study: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the study's volume."""
    return _answer(request, caller, Target(study), mpr)


@get(router, SERIES + "/renderedmpr", produces=(*PICTURES, DICOM_JSON), statuses=_STATUSES)
def series_mpr(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the series' volume."""
    return _answer(request, caller, Target(study, series), mpr)


@get(router, INSTANCE + "/renderedmpr", produces=(*PICTURES, DICOM_JSON), statuses=_STATUSES)
def instance_mpr(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the volume of a multi-frame image."""
    return _answer(request, caller, Target(study, series, instance), mpr)


def _answer(request: Request, caller: Caller, target: Target, render: _Renderer) -> Response:
    asked = read_asked(request)
    held, stack = held_and_stack(caller, target, asked)
    viewed(caller, held.found)
    tag = entity_tag(render.__name__, held.key, asked)
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    made = render(caller.archive, held, stack, asked)
    headers = {**cache_headers(tag, REVALIDATE), **made.told.headers()}
    if asked.metadata_only:
        return JSONResponse(made.told.module(), media_type=DICOM_JSON, headers=headers)
    media_type = GIF if asked.swivel else asked.rendering.options.media_type
    return Response(made.content, media_type=media_type, headers=headers)

"""Rendered MPR and rendered 3-D resources (PS3.18 10.4.1.1.7, 10.4.1.1.8)."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from viewer_api.access import Caller
from viewer_api.dicomweb.caching import REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.parameters import PICTURES
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed
from viewer_api.dicomweb.volumes.asked import GIF, read_asked
from viewer_api.dicomweb.volumes.described import MPR_PARAMETERS, THREE_D_PARAMETERS
from viewer_api.dicomweb.volumes.held import Target
from viewer_api.dicomweb.volumes.mpr import rendered_mpr
from viewer_api.dicomweb.volumes.rendering import Answer, Meant, meant
from viewer_api.dicomweb.volumes.three_d import rendered_3d

router = APIRouter()
_STATUSES = (304, 406, 409, 503)
_Renderer = Callable[[Meant], Answer]
_Handler = Callable[..., Response]


def _mpr(path: str) -> Callable[[_Handler], _Handler]:
    produces = (*PICTURES, DICOM_JSON)
    return get(
        router, path + "/renderedmpr", produces=produces, parameters=MPR_PARAMETERS, statuses=_STATUSES
    )


def _three_d(path: str) -> Callable[[_Handler], _Handler]:
    """PS3.18 writes ``rendered3d`` in its tables and ``rendered3D`` in its examples (B.32, B.35)."""
    produces = (*PICTURES, GIF, DICOM_JSON)

    def declare(handler: _Handler) -> _Handler:
        router.get(path + "/rendered3D", response_class=Response, include_in_schema=False)(handler)
        return get(
            router,
            path + "/rendered3d",
            produces=produces,
            parameters=THREE_D_PARAMETERS,
            statuses=_STATUSES,
        )(handler)

    return declare


@_mpr(STUDY)
def study_mpr(study: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the study's volume."""
    return _answer(request, caller, Target(study), rendered_mpr)


@_mpr(SERIES)
def series_mpr(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the series' volume."""
    return _answer(request, caller, Target(study, series), rendered_mpr)


@_mpr(INSTANCE)
def instance_mpr(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """A plane or slab through the volume of a multi-frame image."""
    return _answer(request, caller, Target(study, series, instance), rendered_mpr)


@_three_d(STUDY)
def study_3d(study: str, request: Request, caller: CallerHere) -> Response:
    """The study's volume from one side."""
    return _answer(request, caller, Target(study), rendered_3d)


@_three_d(SERIES)
def series_3d(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """The series' volume from one side."""
    return _answer(request, caller, Target(study, series), rendered_3d)


@_three_d(INSTANCE)
def instance_3d(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """The volume of a multi-frame image from one side."""
    return _answer(request, caller, Target(study, series, instance), rendered_3d)


def _answer(request: Request, caller: Caller, target: Target, render: _Renderer) -> Response:
    one = meant(caller, request.app.state.volumes, target, read_asked(request))
    asked = one.asked
    viewed(caller, one.held.found)
    tag = entity_tag(render.__name__, one.held.key, asked)
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    made = render(one)
    headers = {**cache_headers(tag, REVALIDATE), **made.told.headers()}
    if asked.metadata_only:
        return JSONResponse(made.told.module(), media_type=DICOM_JSON, headers=headers)
    return Response(made.content, media_type=made.media_type, headers=headers)

"""WADO-URI (PS3.18 9), which older viewers and links in reports use: its parameters told as those of WADO-RS.

``/wado?requestType=WADO&studyUID=…&seriesUID=…&objectUID=…``: permission, negotiation, caching and pictures are those
of the resources that it stands for.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from storage.errors import Invalid
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import parse
from viewer_api.dicomweb.holdings import one_instance
from viewer_api.dicomweb.media_types import DICOM
from viewer_api.dicomweb.rendered import render_frames, render_instance
from viewer_api.dicomweb.retrieve import retrieve_instance
from viewer_api.dicomweb.routes import CallerHere, get

router = APIRouter()
_NEEDED = ("studyUID", "seriesUID", "objectUID")
_UNLESS_TOLD = "image/jpeg, application/pdf;q=0.9, text/html;q=0.8, */*;q=0.1"
"""PS3.18 9.1.2.2.1: an image is a JPEG."""
_PARAMETERS = [
    {"name": name, "in": "query", "required": name in _NEEDED, "schema": {"type": "string"}}
    for name in (
        *("requestType", *_NEEDED, "contentType", "transferSyntax", "frameNumber", "rows", "columns"),
        *("region", "windowCenter", "windowWidth", "imageQuality", "annotation", "anonymize"),
    )
]


@get(router, "/wado", parameters=_PARAMETERS)
def wado(request: Request, caller: CallerHere) -> Response:
    """One instance, as a picture or a page, or as the file that it is for ``contentType=application/dicom``."""
    given = request.query_params
    if given.get("requestType", "WADO").upper() != "WADO":
        raise Invalid("requestType is WADO", parameter="requestType")
    if given.get("anonymize"):
        raise Invalid("nothing is de-identified here", parameter="anonymize")
    study, series, instance = (_uid(given, name) for name in _NEEDED)
    wanted = given.get("contentType") or _UNLESS_TOLD
    if any(each.media_type == DICOM for each in parse(wanted)[:1]):
        return retrieve_instance(study, series, instance, _asking(request, {"accept": DICOM}), caller)
    asking = _asking(request, {"accept": wanted, **_as_rendered(given, caller, (study, series, instance))})
    frame = given.get("frameNumber")
    if frame:
        return render_frames(study, series, instance, frame, asking, caller)
    return render_instance(study, series, instance, asking, caller)


def _uid(given: QueryParams, name: str) -> str:
    value = given.get(name, "").strip()
    if not value:
        raise Invalid(f"{name} is needed", parameter=name)
    return value


def _asking(request: Request, parameters: dict[str, str]) -> Request:
    """The same request with other parameters."""
    query = urlencode({name: value for name, value in parameters.items() if value}).encode()
    return Request({**request.scope, "query_string": query}, request.receive)


def _as_rendered(given: QueryParams, caller: Caller, uids: tuple[str, str, str]) -> dict[str, str]:
    """PS3.18 9.1.2.2 as 8.3.5.1."""
    center, width = given.get("windowCenter"), given.get("windowWidth")
    if bool(center) != bool(width):
        raise Invalid("windowCenter and windowWidth come together", parameter="windowCenter")
    return {
        "window": f"{center},{width}" if center else "",
        "viewport": _viewport(given, caller, uids),
        "quality": given.get("imageQuality", ""),
        "annotation": given.get("annotation", ""),
    }


def _viewport(given: QueryParams, caller: Caller, uids: tuple[str, str, str]) -> str:
    """`columns` and `rows`, either alone too, and `region`, four parts of the image's width and height."""
    rows, columns, region = given.get("rows"), given.get("columns"), given.get("region")
    if not (rows or columns or region):
        return ""
    found = one_instance(caller, *uids)
    own = found.columns or 1, found.rows or 1
    if not region:
        return f"{columns or 8192},{rows or 8192}"
    left, top, right, bottom = _parts(region)
    part = (left * own[0], top * own[1], (right - left) * own[0], (bottom - top) * own[1])
    return ",".join(map(str, (columns or round(part[2]), rows or round(part[3]), *part)))


def _parts(region: str) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = (float(word) for word in region.split(","))
    except ValueError as why:
        raise Invalid("region is four numbers from 0 to 1", parameter="region") from why
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise Invalid("region is left,top,right,bottom from 0 to 1", parameter="region")
    return left, top, right, bottom

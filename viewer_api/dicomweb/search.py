"""QIDO-RS: searching for studies, series and instances (PS3.18 10.6).

Nothing found is 200 with an empty list: every JSON reader takes that, and change proposal CP-2473 makes it the rule.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storage.json_model import JsonModel, json_text
from storage.query import search
from storage.query_keys import Level
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.compression import accepts_gzip, compressed
from viewer_api.dicomweb.holdings import require_one_study
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.query_parameters import read_query
from viewer_api.dicomweb.routes import SERIES, STUDY, CallerHere, get

router = APIRouter()
_MORE = '299 farlight "There are additional results that can be requested"'


@get(router, "/studies")
def search_studies(request: Request, caller: CallerHere) -> Response:
    """Studies, the newest first."""
    return _answer(request, caller, Level.STUDY)


@get(router, "/series")
def search_all_series(request: Request, caller: CallerHere) -> Response:
    """Series of all studies."""
    return _answer(request, caller, Level.SERIES)


@get(router, STUDY + "/series")
def search_series(study: str, request: Request, caller: CallerHere) -> Response:
    """Series of a study."""
    return _answer(request, caller, Level.SERIES, study)


@get(router, "/instances")
def search_all_instances(request: Request, caller: CallerHere) -> Response:
    """Instances of all studies."""
    return _answer(request, caller, Level.INSTANCE)


@get(router, STUDY + "/instances")
def search_study_instances(study: str, request: Request, caller: CallerHere) -> Response:
    """Instances of a study."""
    return _answer(request, caller, Level.INSTANCE, study)


@get(router, SERIES + "/instances")
def search_instances(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Instances of a series."""
    return _answer(request, caller, Level.INSTANCE, study, series)


def _answer(
    request: Request, caller: Caller, level: Level, study: str | None = None, series: str | None = None
) -> Response:
    media_type = choose(request, [DICOM_JSON, "application/json"])
    query = read_query(request, level, study, series)
    with caller.archive.database.read() as connection:
        if study is not None:
            require_one_study(connection, caller, study)
        page = search(connection, query, caller.seen(), caller.archive.blobs)
    bases = {site: base_url(request, site) for site in set(page.sites)}
    items = zip(page.items, page.sites, strict=True)
    body = b"[" + b",".join(json_text(_with_addresses(item, bases[site])) for item, site in items) + b"]"
    headers = {"Vary": "Accept, Accept-Encoding, Cookie, Authorization"}
    if page.more:
        headers["Warning"] = _MORE
    if accepts_gzip(request):
        body = compressed(body, headers)
    return Response(body, media_type=media_type, headers=headers)


def _with_addresses(item: JsonModel, base: str) -> JsonModel:
    """RetrieveURL (0008,1190), and bulk data under addresses that can be fetched."""
    uids = [item[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018") if tag in item]
    names = ("studies", "series", "instances")
    url = base + "".join(f"/{name}/{uid}" for name, uid in zip(names, uids, strict=False))
    item["00081190"] = {"vr": "UR", "Value": [url]}
    return _absolute(item, instance_url(base, *uids)) if len(uids) == len(names) else item


def _absolute(model: JsonModel, url: str) -> JsonModel:
    for element in model.values():
        if "BulkDataURI" in element:
            element["BulkDataURI"] = f"{url}/{element['BulkDataURI']}"
        elif element["vr"] == "SQ":
            element["Value"] = [_absolute(item, url) for item in element.get("Value", [])]
    return model

"""QIDO-RS: searching for studies, series and instances (PS3.18 10.6).

Nothing found is 200 with an empty list: every JSON reader takes that, and change proposal CP-2473 makes it the rule.
``X-Total-Count`` tells how many there are in all where that is cheap to know, and with ``Prefer: count=exact`` always.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response

from storage.counting import CHEAP, EVERY
from storage.json_model import JsonModel, json_text
from storage.query import Page, search
from storage.query_keys import Level
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.compression import accepts_gzip, compressed
from viewer_api.dicomweb.holdings import require_one_study
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.query_parameters import read_query
from viewer_api.dicomweb.routes import SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.search_described import SEARCH

router = APIRouter()
MEDIA_TYPES = (DICOM_JSON, "application/json")
_MORE = "There are additional results that can be requested"
_UNKNOWN = "These attributes of includefield are not known and were passed over: "
_EXACT = re.compile(r'(^|,)\s*count\s*=\s*"?exact"?\s*($|[,;])', re.IGNORECASE)


@get(router, "/studies", **SEARCH[Level.STUDY])
def search_studies(request: Request, caller: CallerHere) -> Response:
    """Studies, the newest first."""
    return _answer(request, caller, Level.STUDY)


@get(router, "/series", **SEARCH[Level.SERIES])
def search_all_series(request: Request, caller: CallerHere) -> Response:
    """Series of all studies."""
    return _answer(request, caller, Level.SERIES)


@get(router, STUDY + "/series", **SEARCH[Level.SERIES])
def search_series(study: str, request: Request, caller: CallerHere) -> Response:
    """Series of a study."""
    return _answer(request, caller, Level.SERIES, study)


@get(router, "/instances", **SEARCH[Level.INSTANCE])
def search_all_instances(request: Request, caller: CallerHere) -> Response:
    """Instances of all studies."""
    return _answer(request, caller, Level.INSTANCE)


@get(router, STUDY + "/instances", **SEARCH[Level.INSTANCE])
def search_study_instances(study: str, request: Request, caller: CallerHere) -> Response:
    """Instances of a study."""
    return _answer(request, caller, Level.INSTANCE, study)


@get(router, SERIES + "/instances", **SEARCH[Level.INSTANCE])
def search_instances(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Instances of a series."""
    return _answer(request, caller, Level.INSTANCE, study, series)


def _answer(
    request: Request, caller: Caller, level: Level, study: str | None = None, series: str | None = None
) -> Response:
    media_type = choose(request, MEDIA_TYPES)
    asked = read_query(request, level, study, series)
    exact = _wants_exact_count(request)
    with caller.archive.database.read() as connection:
        if study is not None:
            require_one_study(connection, caller, study)
        page = search(
            connection, asked.query, caller.seen(), caller.archive.blobs, counted=EVERY if exact else CHEAP
        )
    body = json_text(_with_addresses(request, page))
    told = dict(_told(page, asked.unknown_fields, exact=exact))
    return _sent(request, body, media_type, told)


def _wants_exact_count(request: Request) -> bool:
    """RFC 7240; the preference is PostgREST's."""
    return any(_EXACT.search(value) for value in request.headers.getlist("prefer"))


def _told(page: Page, unknown_fields: Sequence[str], *, exact: bool) -> Iterator[tuple[str, str]]:
    """What headers say: the count, and warnings (PS3.18 8.3.4.3, 8.3.4.4)."""
    warnings = [_MORE] if page.more else []
    if unknown_fields:
        warnings.append(_UNKNOWN + " ".join(_printable(name) for name in unknown_fields[:20]))
    if warnings:
        yield "Warning", ", ".join(f'299 farlight "{warning}"' for warning in warnings)
    if page.total is not None:
        yield "X-Total-Count", str(page.total)
    if exact:
        yield "Preference-Applied", "count=exact"


def _printable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "?", name[:64])


def _sent(request: Request, body: bytes, media_type: str, told: dict[str, str]) -> Response:
    zipped = accepts_gzip(request)
    tag = entity_tag("search", media_type, zipped, told, hashlib.sha256(body).hexdigest())
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        unchanged.headers.update(told)
        return unchanged
    headers = {**cache_headers(tag, REVALIDATE), **told}
    return Response(compressed(body, headers) if zipped else body, media_type=media_type, headers=headers)


# -- addresses -------------------------------------------------------------------------------------


def _with_addresses(request: Request, page: Page) -> list[JsonModel]:
    """RetrieveURL (0008,1190), and bulk data under addresses that can be fetched."""
    bases = {site: base_url(request, site) for site in set(page.sites)}
    return [_addressed(item, bases[site]) for item, site in zip(page.items, page.sites, strict=True)]


def _addressed(item: JsonModel, base: str) -> JsonModel:
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
            for item in element.get("Value", ()):
                _absolute(item, url)
    return model

"""WADO-RS metadata (PS3.18 10.4.1.1.2): those of series and studies are given as they lie (`storage.series_metadata`).

Bulk values are told by absolute address. What it begins with is put in where the kept form has gaps.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request, Response

from storage.errors import NotFound
from storage.gapped_gzip import GAP, WIDTH, gzip_of, plain_length, plain_of
from storage.metadata_parts import FORM, Part
from storage.metadata_text import MetadataTexts, address_in_gap
from storage.series_metadata import digests, read
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.addresses import base_url
from viewer_api.dicomweb.caching import REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.compression import accepts_gzip, compressed
from viewer_api.dicomweb.holdings import HeldSeries, held_series, one_instance
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.streamed import Streamed
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
_MEDIA_TYPES = (DICOM_JSON, "application/json")


@get(router, STUDY + "/metadata", produces=_MEDIA_TYPES)
def study_metadata(study: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a study."""
    return _kept(request, caller, held_series(caller, study))


@get(router, SERIES + "/metadata", produces=_MEDIA_TYPES)
def series_metadata(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a series."""
    return _kept(request, caller, held_series(caller, study, series))


@get(router, INSTANCE + "/metadata", produces=_MEDIA_TYPES)
def instance_metadata(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """One instance, in a list of one."""
    media_type = choose(request, _MEDIA_TYPES)
    found = one_instance(caller, study, series, instance)
    viewed(caller, found)
    zipped, filling = accepts_gzip(request), address_in_gap(base_url(request, found.site))
    tag = entity_tag("metadata", FORM, media_type, zipped, filling, found.sha256)
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    text = MetadataTexts(caller.archive.blobs).text(found)
    body = b"[" + text.replace(GAP, filling) + b"]"
    headers = cache_headers(tag, REVALIDATE)
    return Response(compressed(body, headers) if zipped else body, media_type=media_type, headers=headers)


def _kept(request: Request, caller: Caller, held: HeldSeries) -> Response:
    media_type = choose(request, _MEDIA_TYPES)
    viewed(caller, held)
    filling = address_in_gap(base_url(request, held.site))
    zipped = accepts_gzip(request) and len(filling) == WIDTH

    def tag_of(names: Iterable[str]) -> str:
        return entity_tag("metadata", media_type, zipped, filling, *names)

    if "if-none-match" in request.headers:
        names = digests(caller.archive, held.rows)
        unchanged = not_modified(request, tag_of(names), REVALIDATE) if names else None
        if unchanged is not None:
            return unchanged
    parts = read(caller.archive, held.rows)
    if not parts:
        raise NotFound("there is no instance here")
    headers = cache_headers(tag_of(part.digest for part in parts), REVALIDATE)
    return (
        _zipped(parts, filling, media_type, headers)
        if zipped
        else _plain(parts, filling, media_type, headers)
    )


def _zipped(parts: list[Part], filling: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """As it lies."""
    body = b"".join(gzip_of([part.content for part in parts], filling))
    return Response(body, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})


def _plain(parts: list[Part], filling: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """Unpacked part by part while it is sent: that of thousands of instances is no little text."""
    contents = [part.content for part in parts]
    if len(contents) == 1:
        return Response(b"".join(plain_of(contents, filling)), media_type=media_type, headers=headers)
    length = plain_length(contents) if len(filling) == WIDTH else None
    return Streamed(plain_of(contents, filling), media_type=media_type, headers=headers, length=length)

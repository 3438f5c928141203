"""WADO-RS: whole instances as PS3.10 files, bit for bit as they are stored (PS3.18 10.4.1.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from storage.archive import Archive
from storage.retrieve import StoredInstance, file_chunks
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.holdings import one_instance, series_instances, study_instances
from viewer_api.dicomweb.media_types import DICOM
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import exported

router = APIRouter()


@get(router, STUDY)
def retrieve_study(study: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a study, one part each."""
    return _several(request, caller, study_instances(caller, study))


@get(router, SERIES)
def retrieve_series(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a series, one part each."""
    return _several(request, caller, series_instances(caller, study, series))


@get(router, INSTANCE)
def retrieve_instance(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """One instance: one part, or the file itself for those who accept `application/dicom`."""
    found = one_instance(caller, study, series, instance)
    wanted = _wanted(request, [found], single=True)
    exported(caller, found)
    tag = entity_tag("instance", found.sha256, wanted.multipart)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, IMMUTABLE)
    if wanted.media_type == DICOM:
        return _file(caller.archive, found, headers)
    return multipart_response(list(_parts(request, caller.archive, [found])), DICOM, headers)


def _several(request: Request, caller: Caller, found: list[StoredInstance]) -> Response:
    _wanted(request, found, single=False)
    exported(caller, found[0])
    tag = entity_tag("instances", *(each.sha256 for each in found))
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, REVALIDATE)
    parts = _parts(request, caller.archive, found)
    return multipart_response(chain([next(parts)], parts), DICOM, headers)


def _wanted(request: Request, found: list[StoredInstance], *, single: bool) -> MediaRange:
    """Raises `Invalid` ``NOT_ACCEPTABLE``: instances are not transcoded, frames are."""
    syntaxes = {each.transfer_syntax_uid for each in found}
    for wanted in accepted(request):
        fits = wanted.covers(DICOM) and (wanted.multipart or single or wanted.media_type == "*/*")
        if fits and (wanted.transfer_syntax in ("", "*") or syntaxes == {wanted.transfer_syntax}):
            return wanted
    raise not_acceptable(
        f'multipart/related; type="{DICOM}"; transfer-syntax={each}' for each in sorted(syntaxes)
    )


def _parts(request: Request, archive: Archive, found: list[StoredInstance]) -> Iterator[Part]:
    for each in found:
        base = base_url(request, each.site)
        url = instance_url(base, each.study_instance_uid, each.series_instance_uid, each.sop_instance_uid)
        yield Part(DICOM, each.transfer_syntax_uid, file_chunks(archive, each), location=url)


def _file(archive: Archive, found: StoredInstance, headers: dict[str, str]) -> Response:
    headers["Content-Length"] = str(found.length)
    media_type = f"{DICOM}; transfer-syntax={found.transfer_syntax_uid}"
    return StreamingResponse(file_chunks(archive, found), media_type=media_type, headers=headers)

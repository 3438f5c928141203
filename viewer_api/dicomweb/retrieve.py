"""WADO-RS: whole instances as PS3.10 files, bit for bit as they are stored (PS3.18 10.4.1.1.1)."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from storage.archive import Archive
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.holdings import one_instance, series_instances, study_instances
from viewer_api.dicomweb.kept_pieces import kept_pieces
from viewer_api.dicomweb.media_types import DICOM, ZIP
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.ranges import whole_or_range
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.streamed import Streamed
from viewer_api.dicomweb.viewing import exported
from viewer_api.dicomweb.zip_file import zip_contents

router = APIRouter()


@get(router, STUDY)
def retrieve_study(study: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a study, one part each; as a ZIP file for those who accept `application/zip`."""
    return _several(request, caller, study_instances(caller, study), study)


@get(router, SERIES)
def retrieve_series(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a series, one part each; as a ZIP file for those who accept `application/zip`."""
    return _several(request, caller, series_instances(caller, study, series), series)


@get(router, INSTANCE)
def retrieve_instance(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """One instance: one part, or the file itself, or a range of it, for those who accept `application/dicom`."""
    found = one_instance(caller, study, series, instance)
    wanted = _wanted(request, [found], [DICOM])
    exported(caller, found)
    tag = entity_tag("instance", found.sha256, wanted.multipart)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, IMMUTABLE)
    if wanted.media_type == DICOM:
        return _file(request, caller.archive, found, headers)
    return multipart_response(_parts(request, caller.archive, [found]), DICOM, headers)


def _several(request: Request, caller: Caller, found: list[StoredInstance], uid: str) -> Response:
    wanted = _wanted(request, found, [ZIP])
    exported(caller, found[0])
    zipped = wanted.media_type == ZIP
    tag = entity_tag("instances", zipped, *(each.sha256 for each in found))
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, REVALIDATE)
    if not zipped:
        return multipart_response(_parts(request, caller.archive, found), DICOM, headers)
    headers["Content-Disposition"] = f'attachment; filename="{uid}.zip"'
    return Streamed(zip_contents(caller.archive, found), media_type=ZIP, headers=headers)


def _wanted(request: Request, found: list[StoredInstance], single: list[str]) -> MediaRange:
    """What to answer with: parts, or one of the `single` media types. Raises `Invalid` ``NOT_ACCEPTABLE``.

    Instances are not transcoded, frames are: a transfer syntax is given where all are stored in it.
    """
    syntaxes = {each.transfer_syntax_uid for each in found}
    for wanted in accepted(request):
        parts = wanted.covers(DICOM) and (wanted.multipart or wanted.media_type == "*/*")
        as_stored = wanted.transfer_syntax in ("", "*") or syntaxes == {wanted.transfer_syntax}
        if (parts or wanted.media_type in single) and as_stored:
            return wanted
    offered = [f'{MULTIPART}; type="{DICOM}"; transfer-syntax={each}' for each in sorted(syntaxes)]
    raise not_acceptable([*offered, *single])


def _parts(request: Request, archive: Archive, found: list[StoredInstance]) -> list[Part]:
    bases = {site: base_url(request, site) for site in {each.site for each in found}}
    return [_part(archive, each, bases[each.site]) for each in found]


def _part(archive: Archive, found: StoredInstance, base: str) -> Part:
    url = instance_url(base, found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid)
    content = kept_pieces(archive, found)
    return Part(DICOM, found.transfer_syntax_uid, content, location=url, length=found.length)


def _file(request: Request, archive: Archive, found: StoredInstance, headers: dict[str, str]) -> Response:
    media_type = f"{DICOM}; transfer-syntax={found.transfer_syntax_uid}"
    pieces = partial(kept_pieces, archive, found)
    return whole_or_range(request, pieces, found.length, media_type=media_type, headers=headers)

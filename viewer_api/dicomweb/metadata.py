"""WADO-RS metadata: stored headers as DICOM JSON, with bulk values by absolute address (PS3.18 10.4.1.1.2).

The address before each relative bulk reference is put into the text: a model has them at any depth.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from storage.archive import Archive
from storage.json_model import JsonModel, json_text
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.compression import accepts_gzip, compressed
from viewer_api.dicomweb.holdings import one_instance, series_instances, study_instances
from viewer_api.dicomweb.media_types import DICOM_JSON, is_native
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
_REFERENCE = b'"BulkDataURI":"bulkdata/'


@get(router, STUDY + "/metadata")
def study_metadata(study: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a study."""
    return _answer(request, caller, study_instances(caller, study))


@get(router, SERIES + "/metadata")
def series_metadata(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every instance of a series."""
    return _answer(request, caller, series_instances(caller, study, series))


@get(router, INSTANCE + "/metadata")
def instance_metadata(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """One instance, in a list of one."""
    return _answer(request, caller, [one_instance(caller, study, series, instance)])


def _answer(request: Request, caller: Caller, found: list[StoredInstance]) -> Response:
    media_type = choose(request, [DICOM_JSON, "application/json"])
    viewed(caller, found[0])
    zipped = accepts_gzip(request)
    base = base_url(request, found[0].site)
    tag = entity_tag("metadata", base, media_type, zipped, *(each.sha256 for each in found))
    unchanged = not_modified(request, tag, REVALIDATE)
    if unchanged is not None:
        return unchanged
    body = b"[" + b",".join(_metadata(caller.archive, each, base) for each in found) + b"]"
    headers = cache_headers(tag, REVALIDATE)
    return Response(compressed(body, headers) if zipped else body, media_type=media_type, headers=headers)


def _metadata(archive: Archive, found: StoredInstance, base: str) -> bytes:
    url = instance_url(base, found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid)
    model = found.header_json(archive.blobs)
    text = json_text(model).replace(_REFERENCE, f'"BulkDataURI":"{url}/bulkdata/'.encode("ascii"))
    added: JsonModel = {"00083002": {"vr": "UI", "Value": [found.transfer_syntax_uid]}}
    if found.packed_layout is not None:
        tag, vr = _pixel_element(model, found)
        added[tag] = {"vr": vr, "BulkDataURI": f"{url}/bulkdata/{tag}"}
    return text.removesuffix(b"}") + (b"," if model else b"") + json_text(added).removeprefix(b"{")


def _pixel_element(model: JsonModel, found: StoredInstance) -> tuple[str, str]:
    """Floating point pixels are told by what they lack, as their element itself is not in the header."""
    if not is_native(found.transfer_syntax_uid):
        return "7FE00010", "OB"
    if "00280101" not in model:
        floating = {32: ("7FE00008", "OF"), 64: ("7FE00009", "OD")}
        for allocated in model.get("00280100", {}).get("Value", [])[:1]:
            return floating.get(allocated, ("7FE00010", "OW"))
    return "7FE00010", "OW"

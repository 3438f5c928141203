"""WADO-RS bulk data: what metadata refers to by BulkDataURI (PS3.18 10.4.1.1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from fastapi import APIRouter, Request, Response

from storage.archive import Archive
from storage.bulkdata import bulk_value
from storage.errors import Invalid
from storage.json_model import JsonModel
from storage.retrieve import StoredInstance, first_value
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, accepted, not_acceptable
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.caching import IMMUTABLE, REVALIDATE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.holdings import one_instance, series_instances, study_instances
from viewer_api.dicomweb.media_types import EXPLICIT_VR_LITTLE_ENDIAN, OCTET_STREAM
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.pixel_data import pixel_data, pixel_parts
from viewer_api.dicomweb.ranges import in_one_part, whole_or_range
from viewer_api.dicomweb.reading_ahead import Reading
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere, get
from viewer_api.dicomweb.viewing import viewed

router = APIRouter()
PIXELS = frozenset({"7FE00008", "7FE00009", "7FE00010"})
DOCUMENT = "00420011"
PDF = "application/pdf"
_PATH = re.compile(r"[0-9A-F]{8}(/[0-9]{1,9}/[0-9A-F]{8})*")


@get(router, STUDY + "/bulkdata")
def study_bulkdata(study: str, request: Request, caller: CallerHere) -> Response:
    """Every value of a study's instances that metadata tell by reference, pixels too, one part each."""
    return _all_values(request, caller, study_instances(caller, study), REVALIDATE)


@get(router, SERIES + "/bulkdata")
def series_bulkdata(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Every such value of a series."""
    return _all_values(request, caller, series_instances(caller, study, series), REVALIDATE)


@get(router, INSTANCE + "/bulkdata")
def instance_bulkdata(
    study: str, series: str, instance: str, request: Request, caller: CallerHere
) -> Response:
    """Every such value of one instance."""
    return _all_values(request, caller, [one_instance(caller, study, series, instance)], IMMUTABLE)


@get(router, INSTANCE + "/bulkdata/{path:path}")
def retrieve_bulkdata(
    study: str, series: str, instance: str, path: str, request: Request, caller: CallerHere
) -> Response:
    """One value, by its tag, or by tag/item/tag in sequences; or the range of it that is asked for."""
    found = one_instance(caller, study, series, instance)
    viewed(caller, found)
    path = path.upper()
    if not _PATH.fullmatch(path):
        raise Invalid("bulk data are named by a tag, or tag/item/tag in sequences, items counted from 0")
    if path in PIXELS:
        return pixel_data(request, caller.archive, found)
    wanted, media_type = _choose(request, caller.archive, found, path)
    tag = entity_tag("bulkdata", found.sha256, path, media_type, wanted.multipart)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    data = bulk_value(caller.archive, found, path).data
    if media_type == PDF:
        data = document_bytes(caller.archive, found, data)
    return _value(
        request, data, media_type, multipart=wanted.multipart, headers=cache_headers(tag, IMMUTABLE)
    )


def _value(
    request: Request, data: bytes, media_type: str, *, multipart: bool, headers: dict[str, str]
) -> Response:
    pieces = partial(_slice, data)
    if multipart:
        syntax = EXPLICIT_VR_LITTLE_ENDIAN if media_type == OCTET_STREAM else ""
        return in_one_part(request, Part(media_type, syntax, b""), pieces, len(data), headers)
    return whole_or_range(request, pieces, len(data), media_type=media_type, headers=headers)


def _slice(data: bytes, start: int, size: int) -> list[bytes]:
    return [data[start : start + size]]


def _all_values(request: Request, caller: Caller, found: list[StoredInstance], control: str) -> Response:
    """Values that can be had as octets in parts; pixels as they are stored."""
    if not any(
        wanted.covers(OCTET_STREAM) and (wanted.multipart or wanted.media_type == "*/*")
        for wanted in accepted(request)
    ):
        raise not_acceptable([f'{MULTIPART}; type="{OCTET_STREAM}"'])
    viewed(caller, found[0])
    base = base_url(request, found[0].site)
    tag = entity_tag("all bulkdata", base, *(each.sha256 for each in found))
    unchanged = not_modified(request, tag, control)
    if unchanged is not None:
        return unchanged
    values = (part for each in found for part in _values_of(caller.archive, each, base))
    return multipart_response(values, OCTET_STREAM, cache_headers(tag, control))


def _values_of(archive: Archive, found: StoredInstance, base: str) -> Iterator[Part]:
    url = instance_url(base, found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid)
    for path in bulk_paths(found.header_json(archive.blobs)):
        reading = Reading(0, partial(_data, archive, found, path))
        yield Part(OCTET_STREAM, EXPLICIT_VR_LITTLE_ENDIAN, reading, f"{url}/bulkdata/{path}")
    yield from pixel_parts(archive, found, f"{url}/bulkdata/7FE00010")


def _data(archive: Archive, found: StoredInstance, path: str) -> bytes:
    return bulk_value(archive, found, path).data


def bulk_paths(model: JsonModel) -> Iterator[str]:
    """Where in an instance the values are that its metadata tell by reference; pixels are not among them."""
    for element in model.values():
        if "BulkDataURI" in element:
            yield str(element["BulkDataURI"]).removeprefix("bulkdata/")
        elif element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from bulk_paths(item)


def is_pdf(archive: Archive, found: StoredInstance) -> bool:
    """Whether the instance holds a document that says it is PDF."""
    said = first_value(archive, found, "00420012")
    return isinstance(said, str) and said.strip().lower() == PDF


def document_bytes(archive: Archive, found: StoredInstance, data: bytes) -> bytes:
    """Without the byte that made the length even, if (0042,0015) EncapsulatedDocumentLength tells the true one."""
    length = first_value(archive, found, "00420015")
    return data[:-1] if length == len(data) - 1 else data


def _choose(request: Request, archive: Archive, found: StoredInstance, path: str) -> tuple[MediaRange, str]:
    """PDF for those who accept it where it is one, octets else. Raises `Invalid` ``NOT_ACCEPTABLE``."""
    offered = [PDF, OCTET_STREAM] if path == DOCUMENT and is_pdf(archive, found) else [OCTET_STREAM]
    for wanted in accepted(request):
        for media_type in offered:
            if wanted.covers(media_type):
                return wanted, media_type
    raise not_acceptable(offered)

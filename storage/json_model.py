"""Attributes in the DICOM JSON model (PS3.18 Annex F), made by pydicom and read back into its data sets.

Headers go the fast way (`storage.json_encoder`); this is the way for what is unusual in them. What pydicom has to warn
of in other people's values is told nobody: the filter below is set once, as filters belong to the process and changing
them around a call is not for threads.
"""

from __future__ import annotations

import json
import math
import warnings
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag
from pydicom.valuerep import AMBIGUOUS_VR, BYTES_VR, VR

from storage.text import without_escapes

warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom(\.|$)")

BULK_THRESHOLD = 12 << 10
"""Binary values of more bytes than this are told by reference (PS3.18 F.2.6)."""

JsonModel = dict[str, Any]
BulkReader = Callable[[str], bytes]
"""Gives the value that a relative ``bulkdata/...`` reference stands for."""

_JSON_VRS = frozenset(vr.value for vr in VR if len(vr.value) == 2)
_BINARY = (BYTES_VR | AMBIGUOUS_VR) - {VR.US_SS}
_RESOLVED = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}
WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""How many bytes of a binary value are one number, by VR; else one (PS3.5 7.3)."""


def to_json(dataset: Dataset) -> JsonModel:
    """PS3.18 F.2, one element at a time, so that one unreadable value does not hide the others.

    A binary value beyond `BULK_THRESHOLD` becomes a relative reference, ``bulkdata/TAG``, in a sequence
    ``bulkdata/TAG/ITEM/TAG`` with items counted from 0; whoever answers metadata makes it absolute.
    """
    model = _dataset_json(dataset, "bulkdata", big_endian=_is_big_endian(dataset))
    model["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # PS3.18 F.2.2: JSON is UTF-8
    return model


def element_json(dataset: Dataset, tag: int, path: str) -> JsonModel:
    """One outermost element the same way; `path` is its bulk reference."""
    return _element_json(dataset, BaseTag(tag), path, big_endian=_is_big_endian(dataset))


def _is_big_endian(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is False


def _dataset_json(dataset: Dataset, path: str, *, big_endian: bool) -> JsonModel:
    model: JsonModel = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0:
            continue  # group lengths are retired and say nothing (PS3.5 7.2)
        model[f"{tag:08X}"] = _element_json(dataset, tag, f"{path}/{tag:08X}", big_endian=big_endian)
    return model


def _element_json(dataset: Dataset, tag: BaseTag, path: str, *, big_endian: bool) -> JsonModel:
    try:
        element: DataElement = dataset[tag]
        if element.VR == VR.SQ:
            return _sequence_json(element, path, big_endian=big_endian)
        if element.VR in _BINARY and isinstance(element.value, bytes):
            return _binary_json(element, path, big_endian=big_endian)
        plain: JsonModel = element.to_json_dict(None, 0)
        return _readable(plain)
    except Exception:
        raw = dict(dataset.items())[tag]  # not by get_item, which tries to convert an empty one
        vr = getattr(raw, "VR", None) or "UN"
        return {"vr": vr if vr in _JSON_VRS else "UN"}


def _sequence_json(element: DataElement, path: str, *, big_endian: bool) -> JsonModel:
    items = [
        _dataset_json(item, f"{path}/{index}", big_endian=big_endian)
        for index, item in enumerate(element.value)
    ]
    return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}


def _binary_json(element: DataElement, path: str, *, big_endian: bool) -> JsonModel:
    vr = _RESOLVED.get(element.VR, element.VR)
    if not element.value:
        return {"vr": vr}
    if len(element.value) > BULK_THRESHOLD:
        return {"vr": vr, "BulkDataURI": path}
    data = little_endian(element.value, vr) if big_endian else element.value
    return {"vr": vr, "InlineBinary": b64encode(data).decode()}


def _readable(plain: JsonModel) -> JsonModel:
    """JSON has no word for a number that is none; an absent value is `null` (PS3.18 F.2.5)."""
    plain["vr"] = _RESOLVED.get(plain["vr"], plain["vr"])
    values = plain.get("Value")
    if values and isinstance(values[0], str | dict):
        plain["Value"] = [_plain_text(value) for value in values]
    if values and any(isinstance(value, float) and not math.isfinite(value) for value in values):
        plain["Value"] = [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
    return plain


def _plain_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_text(item) for key, item in value.items()}
    return without_escapes(value) if isinstance(value, str) else value


def little_endian(data: bytes, vr: str) -> bytes:
    """A big endian binary value as DICOMweb and everybody else have it (PS3.18 F.2.7)."""
    size = WORD_BYTES.get(vr, 1)
    if size == 1 or len(data) % size:
        return data
    swapped = bytearray(len(data))
    for byte in range(size):
        swapped[byte::size] = data[size - 1 - byte :: size]
    return bytes(swapped)


def header_dataset(header_json: JsonModel, read_bulk: BulkReader | None = None) -> Dataset:
    """The header back as a pydicom data set, for those who compute with it. Without `read_bulk` bulk values are
    empty."""
    handler = (read_bulk or (lambda _reference: b"")) if has_references(header_json) else None
    return Dataset.from_json(header_json, handler)


def has_references(model: JsonModel) -> bool:
    """Whether any value is told by reference. (pydicom looks a handler over anew for each element: one that is not
    needed costs a third of the reading.)"""
    return any(
        "BulkDataURI" in element
        or (element["vr"] == "SQ" and any(map(has_references, element.get("Value", []))))
        for element in model.values()
    )


def json_text(value: JsonModel | list[JsonModel]) -> bytes:
    """JSON without a blank too many, in UTF-8."""
    return _TO_TEXT(value).encode()


_TO_TEXT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

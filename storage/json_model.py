"""Attributes in the DICOM JSON model (PS3.18 Annex F), as the index keeps them and DICOMweb answers them."""

from __future__ import annotations

import json
import warnings
import zlib
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

BULK_THRESHOLD = 16 << 10
"""Binary values longer than this, in characters of base64, are told by reference (PS3.18 F.2.6)."""

JsonModel = dict[str, Any]


def to_json(dataset: Dataset) -> JsonModel:
    """PS3.18 F.2, one element at a time, so that one unreadable value does not hide the others."""
    model: JsonModel = {}
    for tag in sorted(dataset.keys()):
        if tag.element == 0:
            continue  # group lengths are retired and say nothing (PS3.5 7.2)
        model[f"{tag:08X}"] = _element_json(dataset, tag)
    model["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # PS3.18 F.2.2: JSON is UTF-8
    return model


def _element_json(dataset: Dataset, tag: BaseTag) -> JsonModel:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            element: DataElement = dataset[tag]
            json_element: JsonModel = element.to_json_dict(_bulk_reference, BULK_THRESHOLD)
            return json_element
    except Exception:
        raw = dataset.get_item(tag)
        vr = getattr(raw, "VR", None) or "UN"
        return {"vr": vr if vr in _JSON_VRS else "UN"}


_JSON_VRS = frozenset(vr.value for vr in VR if len(vr.value) == 2)


def _bulk_reference(element: DataElement) -> str:
    """A relative reference; whoever answers metadata makes it absolute."""
    return f"bulkdata/{element.tag:08X}"


def header_dataset(header_json: JsonModel) -> Dataset:
    """The header back as a pydicom data set, for those who compute with it. Bulk values stay references."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Dataset.from_json(header_json, lambda *_: b"")


def pack_json(value: JsonModel) -> bytes:
    """JSON as the index keeps it."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpack_json(data: bytes) -> JsonModel:
    """The inverse of `pack_json`."""
    value: JsonModel = json.loads(zlib.decompress(data))
    return value

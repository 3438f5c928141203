"""Reading attributes from the DICOM JSON model (PS3.18 F.2), where making a data set of each image takes too long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

JsonModel = Mapping[str, Any]


def tag_key(keyword: str) -> str:
    """``"Rows"`` becomes ``"00280010"``."""
    return f"{tag_for_keyword(keyword) or 0:08X}"


def values(model: JsonModel, keyword: str) -> list[Any]:
    """All values, empty if the attribute is absent or empty."""
    found = model.get(_KEYS.get(keyword) or _KEYS.setdefault(keyword, tag_key(keyword)), {})
    return found.get("Value") or []


def first(model: JsonModel, keyword: str) -> Any:
    """The first value, or None."""
    found = values(model, keyword)
    return found[0] if found else None


def numbers(model: JsonModel, keyword: str) -> tuple[float, ...]:
    """All values as finite floats; empty if one is none."""
    try:
        found = tuple(float(each) for each in values(model, keyword))
    except (TypeError, ValueError):
        return ()
    return found if all(math.isfinite(each) for each in found) else ()


def item(model: JsonModel, keyword: str) -> JsonModel | None:
    """The first item of a sequence, or None."""
    found = first(model, keyword)
    return found if isinstance(found, Mapping) else None


_KEYS: dict[str, str] = {}

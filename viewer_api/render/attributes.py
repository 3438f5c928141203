"""Reads attributes of a header; what is missing or makes no sense is named by tag and keyword."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag, Tag

from storage.errors import Invalid


def tag_name(keyword: str) -> str:
    """`"Rows"` becomes `"(0028,0010) Rows"`, the form in which errors name an attribute."""
    tag = _tag(keyword)
    return f"({tag.group:04X},{tag.element:04X}) {keyword}"


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(tag_for_keyword(keyword) or 0)


def has_value(header: Dataset, keyword: str) -> bool:
    """Whether the attribute is there and not empty, whatever its value."""
    tag = _tag(keyword)
    return tag in header and header.get_item(tag).value not in (None, b"", "")


def value_of(header: Dataset, keyword: str) -> Any:
    """The attribute's value, None if it is absent or empty; raises `Invalid` where it cannot be read."""
    tag = _tag(keyword)
    if tag not in header:  # most are not, and pydicom takes its time to say so of a keyword
        return None
    try:
        value = header[tag].value
    except (ValueError, TypeError, OverflowError, AttributeError, NotImplementedError, KeyError) as error:
        raise Invalid(f"{tag_name(keyword)} cannot be read") from error
    return None if value is None or value == "" else value


def integer(header: Dataset, keyword: str, default: int | None = None) -> int:
    """A whole number; the first of several. Without `default` the attribute is required."""
    value = _first(value_of(header, keyword))
    if value is None:
        if default is None:
            raise Invalid(f"{tag_name(keyword)} is missing")
        return default
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"{tag_name(keyword)} is no whole number") from error


def text(header: Dataset, keyword: str, default: str | None = None) -> str:
    """A code string, trimmed and in capitals; the first of several. Without `default` it is required."""
    value = _first(value_of(header, keyword))
    if value is not None and str(value).strip():
        return str(value).strip().upper()
    if default is None:
        raise Invalid(f"{tag_name(keyword)} is missing")
    return default


def numbers(header: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite floats, empty if the attribute is absent."""
    value = value_of(header, keyword)
    if value is None:
        return ()
    try:
        values = tuple(float(each) for each in _many(value))
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"{tag_name(keyword)} is no number") from error
    if not all(math.isfinite(each) for each in values):
        raise Invalid(f"{tag_name(keyword)} is no finite number")
    return values


def first_item(header: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, None if there is none."""
    value = value_of(header, keyword)
    if not value or not isinstance(value[0], Dataset):
        return None
    return value[0]


def _many(value: Any) -> Iterable[Any]:
    return value if isinstance(value, Iterable) and not isinstance(value, str | bytes) else (value,)


def _first(value: Any) -> Any:
    return next(iter(_many(value)), None) if value is not None else None

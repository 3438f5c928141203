"""What a content item says, by its value type (PS3.3 Table C.17.3-1 and C.17.3-7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pydicom import Dataset

from viewer_api.dicomweb.sr_html import concept, first, label, long_words, text, words
from viewer_api.dicomweb.sr_links import Links, content_reference

NUMBER = "NUM"
CONTAINER = "CONTAINER"
_UNITLESS = ("1", "{ratio}", "[arb'U]")


def value(item: Dataset, links: Links) -> str:
    """HTML of the item's own value; empty for containers and for what says nothing."""
    reference = content_reference(item)
    if reference:
        return reference
    kind = text(item, "ValueType")
    show = _BY_TYPE.get(kind)
    return links.references(item) if show is None else show(item)


def measured(item: Dataset) -> str:
    """A number with its unit; why there is none (PS3.3 C.18.1)."""
    found = first(item, "MeasuredValueSequence")
    if found is None:
        return concept(item, "NumericValueQualifierCodeSequence")
    number = words(text(found, "NumericValue") or text(found, "FloatingPointValue"))
    qualifier = concept(item, "NumericValueQualifierCodeSequence")
    told = f"{number} {unit_of(item)}".strip()
    return f"{told} ({qualifier})" if qualifier else told


def unit_of(item: Dataset) -> str:
    """Of a number, as UCUM writes it."""
    found = first(item, "MeasuredValueSequence")
    unit = None if found is None else first(found, "MeasurementUnitsCodeSequence")
    code = "" if unit is None else text(unit, "CodeValue")
    return "" if code in _UNITLESS or not code else words(code)


def _plain(item: Dataset, keyword: str) -> str:
    return words(text(item, keyword))


def _date(item: Dataset) -> str:
    return words(readable_date(text(item, "Date")))


def _moment(item: Dataset) -> str:
    return words(readable_moment(text(item, "DateTime")))


def _time(item: Dataset) -> str:
    return words(readable_time(text(item, "Time")))


def readable_date(written: str) -> str:
    """``20240103`` becomes ``2024-01-03``; anything else stays as it is."""
    known = len(written) == 8 and written.isdigit()
    return f"{written[:4]}-{written[4:6]}-{written[6:]}" if known else written


def readable_time(written: str) -> str:
    """``120000.5`` becomes ``12:00:00``."""
    digits, _, _ = written.partition(".")
    known = len(digits) in (4, 6) and digits.isdigit()
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2)) if known else written


def readable_moment(written: str) -> str:
    """A date and time with its zone, where it has one."""
    digits, zone = written, ""
    for sign in "+-":
        before, found, after = written.partition(sign)
        digits, zone = (before, found + after) if found else (digits, zone)
    parts = (readable_date(digits[:8]), readable_time(digits[8:]), zone)
    return " ".join(part for part in parts if part)


def _places(item: Dataset) -> str:
    """Spatial coordinates (PS3.3 C.18.6, C.18.9): the shape, and where its first points are."""
    data = item.get("GraphicData")
    numbers = [data] if isinstance(data, int | float) else list(data or [])
    size = 3 if text(item, "ValueType") == "SCOORD3D" else 2
    corners = [numbers[place : place + size] for place in range(0, len(numbers), size)]
    shown = "; ".join(", ".join(_short(each) for each in corner) for corner in corners[:4])
    more = " …" if len(corners) > 4 else ""
    return f"{_plain(item, 'GraphicType')}, {len(corners)} {label('points')}: {words(shown + more)}"


def _short(number: object) -> str:
    """Four digits of it; what is no number, as broken files have it, as it is."""
    return f"{number:.4g}" if isinstance(number, int | float) else str(number or "")


def _times(item: Dataset) -> str:
    """Temporal coordinates (PS3.3 C.18.7)."""
    keywords = ("ReferencedSamplePositions", "ReferencedTimeOffsets", "ReferencedDateTime")
    told = next((text(item, keyword) for keyword in keywords if text(item, keyword)), "")
    return f"{_plain(item, 'TemporalRangeType')}: {words(told.strip('[]'))}"


_BY_TYPE: dict[str, Callable[[Dataset], str]] = {
    "TEXT": lambda item: long_words(text(item, "TextValue")),
    "CODE": partial(concept, keyword="ConceptCodeSequence"),
    NUMBER: measured,
    "DATETIME": _moment,
    "DATE": _date,
    "TIME": _time,
    "PNAME": partial(_plain, keyword="PersonName"),
    "UIDREF": partial(_plain, keyword="UID"),
    "SCOORD": _places,
    "SCOORD3D": _places,
    "TCOORD": _times,
    CONTAINER: lambda item: "",
}
"""The others, IMAGE, WAVEFORM and COMPOSITE, are links."""

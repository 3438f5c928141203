"""Days, times and ranges of them as SQL conditions (PS3.4 C.2.2.2.5)."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, literal, or_

from storage.errors import Invalid
from storage.query_keys import QueryKey
from storage.structure import tag_name

_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", re.ASCII)

Condition = ColumnElement[bool]


def date_condition(key: QueryKey, value: str) -> Condition:
    """A day, or a range that includes its ends (PS3.4 C.2.2.2.5)."""
    if "-" not in value:
        return key.column == _day(key, value)
    first, last = _ends(key, value)
    bounds = [key.column != ""]
    if first:
        bounds.append(key.column >= _day(key, first))
    if last:
        bounds.append(key.column <= _day(key, last))
    return and_(*bounds)


def _ends(key: QueryKey, value: str) -> tuple[str, str]:
    first, _, last = (part.strip() for part in value.partition("-"))
    if not (first or last):
        raise malformed(key, "a range has at least one end")
    return first, last


def _day(key: QueryKey, value: str) -> str:
    try:
        # strptime alone would take 202611 for a day of 2026
        return datetime.strptime(value if len(value) == 8 else "", "%Y%m%d").strftime("%Y%m%d")  # noqa: DTZ007
    except ValueError as why:
        raise malformed(key, "a date is YYYYMMDD, a range YYYYMMDD-YYYYMMDD") from why


def combined_range(date_key: QueryKey, time_key: QueryKey, days: str, times: str) -> Condition:
    """From the first day's time to the last day's, where both keys are ranges (PS3.4 C.2.2.2.5.2)."""
    (first_day, last_day), (first, last) = _ends(date_key, days), _ends(time_key, times)
    day, stored, bounds = date_key.column, _clock_of(time_key), [date_key.column != ""]
    if first_day:
        begun, at = _day(date_key, first_day), _clock(time_key, first or "00", "000000")
        bounds.append(or_(day > begun, and_(day == begun, stored >= at)))
    if last_day:
        ended, at = _day(date_key, last_day), _clock(time_key, last or "23", "595959")
        bounds.append(or_(day < ended, and_(day == ended, stored <= at)))
    return and_(*bounds)


def _clock_of(key: QueryKey) -> ColumnElement[str]:
    return func.substr(func.replace(key.column, ":", "") + literal("000000"), 1, 6)


def time_condition(key: QueryKey, value: str) -> Condition:
    """To the second. A time without seconds, or without minutes, means all of that minute or hour."""
    first, last = _ends(key, value) if "-" in value else (value, value)
    stored = _clock_of(key)
    bounds = [key.column != ""]
    if first:
        bounds.append(stored >= _clock(key, first, "000000"))
    if last:
        bounds.append(stored <= _clock(key, last, "595959"))
    return and_(*bounds)


def _clock(key: QueryKey, value: str, rest: str) -> str:
    if not _TIME.fullmatch(value):
        raise malformed(key, "a time is HHMMSS, a range HHMMSS-HHMMSS")
    digits = value[:6]
    return digits + rest[len(digits) :]


def name_of(key: QueryKey) -> str:
    """Tag and keyword, as errors name them."""
    return tag_name(int(key.tag, 16))


def malformed(key: QueryKey, why: str) -> Invalid:
    """An `Invalid` that names the attribute."""
    return Invalid(f"{name_of(key)} cannot be matched: {why}", attribute=key.keyword)

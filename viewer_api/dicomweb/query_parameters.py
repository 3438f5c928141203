"""The parameters of a search (PS3.18 8.3.4 and Table 10.6.1-2), read strictly: a filter is obeyed or refused."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from pydicom.datadict import dictionary_has_tag, keyword_for_tag, tag_for_keyword

from storage.errors import Invalid
from storage.query import DEFAULT_LIMIT, MAX_COUNT, Match, Query
from storage.query_answers import ALL
from storage.query_keys import QUERY_KEYS, Kind, Level

_OTHER = frozenset({"accept", "charset", "multiplevaluematching", "emptyvaluematching"})
_LISTS = frozenset({Kind.UID, Kind.CODE, Kind.CODES})
"""Kinds whose values hold no comma, so that a comma or a backslash stands between several."""
_MAX_INCLUDES = 500


def read_query(request: Request, level: Level, study: str | None = None, series: str | None = None) -> Query:
    """The search that an address asks for. Raises `Invalid`, naming the parameter."""
    limit, offset, fuzzy = DEFAULT_LIMIT, 0, False
    include: set[str] = set()
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        word = name.lower()
        if word == "limit":
            limit = _count(name, value)
        elif word == "offset":
            offset = _count(name, value)
        elif word == "fuzzymatching":
            fuzzy = _flag(name, value)
        elif word == "includefield":
            include.update(_include_tags(value))
        elif word not in _OTHER:
            values.setdefault(_keyword(name), []).append(value)
    matches = [_match(keyword, given) for keyword, given in values.items()]
    return Query(level, matches, study, series, include, limit, offset, fuzzy)


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 18 and int(value) <= MAX_COUNT):
        raise Invalid(f"{name} is a whole number from 0 to {MAX_COUNT}", parameter=name)
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise Invalid(f"{name} is true or false", parameter=name)
    return value.lower() == "true"


def _include_tags(value: str) -> Iterable[str]:
    names = [name.strip() for name in value.split(",")]
    if len(names) > _MAX_INCLUDES:
        raise Invalid(f"includefield names more than {_MAX_INCLUDES} attributes", parameter="includefield")
    for name in filter(None, names):
        # of a path into a sequence the whole sequence is returned
        yield ALL if name.lower() == ALL else _tag(name.partition(".")[0], "includefield")


def _tag(name: str, parameter: str) -> str:
    if len(name) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in name):
        return name.upper()
    tag = tag_for_keyword(name)
    if tag is None:
        raise Invalid(f"{name[:64]!r} is neither a keyword nor a tag of eight digits", parameter=parameter)
    return f"{tag:08X}"


def _keyword(name: str) -> str:
    tag = int(_tag(name.partition(".")[0], name), 16)
    keyword = keyword_for_tag(tag) if dictionary_has_tag(tag) else ""
    if "." in name or keyword not in QUERY_KEYS:
        raise Invalid(f"{name[:64]} cannot be matched on", parameter=name, supported=sorted(QUERY_KEYS))
    return keyword


def _match(keyword: str, given: list[str]) -> Match:
    if QUERY_KEYS[keyword].kind in _LISTS:
        return Match(keyword, tuple(part for value in given for part in value.replace("\\", ",").split(",")))
    if len(set(given)) > 1:
        raise Invalid(f"{keyword} is given more than once", parameter=keyword)
    return Match(keyword, (given[0],))

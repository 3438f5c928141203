"""The parameters of a search (PS3.18 8.3.4 and Table 10.6.1-2), read strictly: a filter is obeyed or refused.

Only a field to be included that nobody knows is passed over, with a warning (PS3.18 8.3.4.3): nothing is shown for it
that it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fastapi import Request
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, tag_for_keyword

from storage.errors import Invalid
from storage.held_tags import COMPUTED_TAGS, is_known
from storage.matching import MAX_VALUE_LENGTH, MAX_VALUES
from storage.matching_held import HeldKey
from storage.query import DEFAULT_LIMIT, MAX_COUNT, Match, Query
from storage.query_answers import ALL
from storage.query_keys import QUERY_KEYS, Kind, Level

_OTHER = frozenset({"accept", "charset"})
_LISTS = frozenset({Kind.UID, Kind.CODE, Kind.CODES})
"""Kinds whose values hold no comma, so that a comma or a backslash stands between several."""
_MAX_INCLUDES = 500
_MAX_KEYS = 100
_MAX_DEPTH = 8

Path = tuple[str, ...]
"""Tags from the outermost attribute to one in a sequence."""


@dataclass
class _Read:
    """The parameters as they are read, one after the other."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    flags: dict[str, bool] = field(default_factory=dict)
    include: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    values: dict[Path, list[str]] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)


_FLAGS = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching"})


@dataclass(frozen=True)
class Asked:
    """A search, and the fields to be included that are no attributes."""

    query: Query
    unknown_fields: tuple[str, ...] = ()


def read_query(request: Request, level: Level, study: str | None = None, series: str | None = None) -> Asked:
    """The search that an address asks for. Raises `Invalid`, naming the parameter."""
    read = _Read()
    for name, value in request.query_params.multi_items():
        _take(read, name, value)
    if len(read.values) > _MAX_KEYS:
        raise Invalid(
            f"more than {_MAX_KEYS} attributes are matched on", parameter=list(read.names.values())[-1]
        )
    indexed = {path: path[0] for path in read.values if len(path) == 1 and _keyword(path[0]) in QUERY_KEYS}
    several = read.flags.get("multiplevaluematching", False)
    query = Query(
        level,
        [_match(_keyword(tag), read.values[path], several) for path, tag in indexed.items()],
        study,
        series,
        read.include,
        read.limit,
        read.offset,
        fuzzy=read.flags.get("fuzzymatching", False),
        combined=True,
        held=_held({p: v for p, v in read.values.items() if p not in indexed}, read.names, level, several),
    )
    return Asked(query, tuple(read.unknown))


def _take(read: _Read, name: str, value: str) -> None:
    word = name.lower()
    if word == "limit":
        read.limit = _count(name, value)
    elif word == "offset":
        read.offset = _count(name, value)
    elif word in _FLAGS:
        read.flags[word] = _flag(name, value)
    elif word == "includefield":
        _include(read, value)
    elif word not in _OTHER:
        path = _path(name)
        read.names[path] = name[:64]
        read.values.setdefault(path, []).append(value)


def _count(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 18 and int(value) <= MAX_COUNT):
        raise Invalid(f"{name} is a whole number from 0 to {MAX_COUNT}", parameter=name)
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise Invalid(f"{name} is true or false", parameter=name)
    return value.lower() == "true"


def _include(read: _Read, value: str) -> None:
    names = [name.strip() for name in value.split(",")]
    if len(names) + len(read.include) > _MAX_INCLUDES:
        raise Invalid(f"includefield names more than {_MAX_INCLUDES} attributes", parameter="includefield")
    for name in filter(None, names):
        # of a path into a sequence the whole sequence is returned
        tag = ALL if name.lower() == ALL else _tag(name.partition(".")[0])
        if tag is None:
            read.unknown.append(name)
        else:
            read.include.add(tag)


# -- names -----------------------------------------------------------------------------------------


def _tag(name: str) -> str | None:
    """Eight hexadecimal digits, or a keyword of the data dictionary."""
    if len(name) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in name):
        return name.upper()
    tag = tag_for_keyword(name)
    return None if tag is None else f"{tag:08X}"


def _path(name: str) -> Path:
    """PS3.18 8.3.4.1.1: attributes of a sequence stand behind it, with a point between."""
    tags = [_tag(part) for part in name.split(".")[: _MAX_DEPTH + 1]]
    if len(tags) > _MAX_DEPTH or None in tags:
        raise Invalid(
            f"{name[:64]!r} is neither a parameter, nor a keyword or a tag of eight digits",
            parameter=name[:64],
        )
    return tuple(tag for tag in tags if tag is not None)


def _keyword(tag: str) -> str:
    number = int(tag, 16)
    return keyword_for_tag(number) if dictionary_has_tag(number) else ""


# -- what is in the index --------------------------------------------------------------------------


def _match(keyword: str, given: list[str], several: bool) -> Match:
    if QUERY_KEYS[keyword].kind in _LISTS:
        return Match(keyword, tuple(part for value in given for part in value.replace("\\", ",").split(",")))
    return Match(keyword, _one(keyword, given, several))


def _one(name: str, given: list[str], several: bool) -> tuple[str, ...]:
    """One value, or with multiple value matching those between backslashes (PS3.4 C.2.2.2.9)."""
    if len(set(given)) > 1:
        raise Invalid(f"{name} is given more than once", parameter=name)
    return tuple(given[0].split("\\")) if several else (given[0],)


# -- what is held, and not in the index ------------------------------------------------------------


def _held(
    values: Mapping[Path, list[str]], names: Mapping[Path, str], level: Level, several: bool
) -> dict[str, HeldKey]:
    """Keys by their outermost tag; those of one sequence must be met by one item."""
    found: dict[str, HeldKey] = {}
    for path, given in values.items():
        name = names[path]
        if not is_known(path[0], level) or path[0] in COMPUTED_TAGS:
            raise Invalid(f"{name} cannot be matched on here", parameter=name, supported=sorted(QUERY_KEYS))
        key = HeldKey(_vr(path[-1]), _values(name, _vr(path[-1]), given, several))
        _require_leaf(name, path, key)
        found[path[0]] = _placed(found.get(path[0]), path, key)
    return {tag: key for tag, key in found.items() if not key.matches_all}


def _values(name: str, vr: str, given: list[str], several: bool) -> tuple[str, ...]:
    found = (
        tuple(part for value in given for part in value.replace("\\", ",").split(","))
        if vr == "UI"
        else _one(name, given, several)
    )
    if len(found) > MAX_VALUES or any(len(value) > MAX_VALUE_LENGTH for value in found):
        raise Invalid(
            f"{name} has at most {MAX_VALUES} values of {MAX_VALUE_LENGTH} characters", parameter=name
        )
    return found


def _require_leaf(name: str, path: Path, key: HeldKey) -> None:
    if key.vr == "SQ" and any(key.values):
        raise Invalid(f"{name} is a sequence: name an attribute of its items", parameter=name)
    if any(_vr(tag) not in ("SQ", "UN") for tag in path[:-1]):
        raise Invalid(f"{name} goes through an attribute that is no sequence", parameter=name)


def _placed(known: HeldKey | None, path: Path, key: HeldKey) -> HeldKey:
    if len(path) == 1:
        return key
    outer = known or HeldKey("SQ")
    return replace(outer, items={**outer.items, path[1]: _placed(outer.items.get(path[1]), path[1:], key)})


def _vr(tag: str) -> str:
    number = int(tag, 16)
    return dictionary_VR(number)[:2] if dictionary_has_tag(number) else "UN"

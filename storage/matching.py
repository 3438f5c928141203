"""The matching kinds of PS3.4 C.2.2.2 as SQL conditions: single value, list, wildcard, range, universal.

Names are compared without regard to case, in each of their component groups. Other texts are compared exactly,
and without regard to case where the query has a wildcard: who types ``*abc*`` is looking for something, who sends
``ABC`` means that identifier. The beginning of an identifier is looked for as typed, in capitals and in small
letters, so that an index serves it. ``%`` and ``_`` are plain characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, and_, literal, or_, true

from storage.identity import required_uid
from storage.matching_moments import date_condition, malformed, name_of, time_condition
from storage.name_search import MAX_WORD_LENGTH, begins_with, whole_group
from storage.query_keys import Kind, QueryKey
from storage.text import search_form

_ESCAPE = "!"
_LIKE = str.maketrans({"!": "!!", "%": "!%", "_": "!_", "*": "%", "?": "_"})
_NUMBER = re.compile(r"[+-]?\d{1,12}", re.ASCII)

EMPTY = '""'
"""Empty value matching (PS3.4 C.2.2.2): what has no value."""

MAX_UIDS = 1000
"""In one list: a database takes a bounded number of parameters."""
MAX_VALUES = 100
"""Of any other attribute; each is a comparison by itself."""
MAX_VALUE_LENGTH = 256
"""Characters: more than a name of three groups has (PS3.5 6.2)."""
_MAX_NAME_GROUPS = 3
_MAX_WORDS = 32

Condition = ColumnElement[bool]


def condition(key: QueryKey, values: Sequence[str], *, fuzzy: bool = False) -> Condition | None:
    """What makes `values` match, any of them; None if everything does (PS3.4 C.2.2.2.3).

    `fuzzy` compares names word by word, by their beginnings and in any order (PS3.18 8.3.4.2). Raises `Invalid`,
    naming the attribute, for a value that cannot be one of it.
    """
    trimmed = [value.strip(" \0") for value in values]
    if all(value.strip("*") == "" for value in trimmed):
        return None
    wanted = list(dict.fromkeys(value for value in trimmed if value))
    _require_bounded(key, wanted)
    if EMPTY in wanted:
        return _empty_or(key, [value for value in wanted if value != EMPTY], fuzzy=fuzzy)
    if key.kind is Kind.UID:
        return key.column.in_([required_uid(value, name_of(key)) for value in wanted])
    if key.kind is Kind.NAME and fuzzy:
        return or_(*(_fuzzy_name(key, value) for value in wanted))
    matcher = _MATCHERS[key.kind]
    return or_(*(matcher(key, value) for value in wanted))


def _empty_or(key: QueryKey, values: Sequence[str], *, fuzzy: bool) -> Condition:
    empty = key.column.is_(None) if key.kind is Kind.NUMBER else key.column == ""
    others = condition(key, values, fuzzy=fuzzy) if values else None
    return empty if others is None else or_(empty, others)


def _require_bounded(key: QueryKey, values: Sequence[str]) -> None:
    """What no database would take, or not in this number, is refused by us and by the attribute's name."""
    most = MAX_UIDS if key.kind is Kind.UID else MAX_VALUES
    if len(values) > most:
        raise malformed(key, f"a list holds at most {most} values")
    if any(len(value) > MAX_VALUE_LENGTH for value in values):
        raise malformed(key, f"a value has at most {MAX_VALUE_LENGTH} characters")
    if not all(_is_text(value) for value in values):
        raise malformed(key, "the value is no text")


def _is_text(value: str) -> bool:
    """Neither a NUL nor half a character (a lone surrogate)."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


def _like(column: ColumnElement[str], pattern: str) -> Condition:
    return column.ilike(pattern, escape=_ESCAPE)


def _pattern(value: str) -> str:
    return value.translate(_LIKE)


def has_wildcard(value: str) -> bool:
    """Whether this is wildcard matching (PS3.4 C.2.2.2.4)."""
    return "*" in value or "?" in value


def literal_prefix(value: str) -> str:
    """What stands before the first wildcard."""
    return value.partition("*")[0].partition("?")[0]


def cases(value: str) -> list[str]:
    """As typed, in capitals and in small letters: what is found where case does not matter and an index is used."""
    return list(dict.fromkeys((value, value.upper(), value.lower())))


def _text(key: QueryKey, value: str) -> Condition:
    if not has_wildcard(value):
        return key.column == value
    matching = or_(*(_like(key.column, _pattern(spelling)) for spelling in _spellings(value)))
    prefix = literal_prefix(value)
    if key.identifies and prefix:
        return and_(matching, or_(*(begins_with(key.column, spelling) for spelling in cases(prefix))))
    return matching


def _code(key: QueryKey, value: str) -> Condition:
    return _like(key.column, _pattern(value)) if has_wildcard(value) else key.column.in_(cases(value))


def _codes(key: QueryKey, value: str) -> Condition:
    """One of several codes that the column holds with backslashes between."""
    separator = literal("\\")
    return _like(separator + key.column + separator, f"%\\{_pattern(value)}\\%")


def _name_groups(key: QueryKey, value: str) -> Condition:
    """PS3.4 C.2.2.2.1.1: any component group of the stored name; every group that the query has."""
    stored = literal("=") + key.column + literal("=")
    groups = [group.rstrip("^ ") for group in value.split("=")]
    if len(groups) > _MAX_NAME_GROUPS:
        raise malformed(key, f"a name has at most {_MAX_NAME_GROUPS} component groups")
    return and_(true(), *(_group(key, stored, group) for group in groups if group))


def plain_beginning(value: str) -> str | None:
    """Of ``ABC*`` and ``ABC`` the letters; None for what has other wildcards."""
    plain = value.removesuffix("*")
    return None if has_wildcard(plain) else plain


def _group(key: QueryKey, stored: ColumnElement[str], group: str) -> Condition:
    """By the words of the name where it can be, as `starting_points` does: both find the same."""
    plain = plain_beginning(group)
    word = None if plain is None else whole_group(plain)
    if key.folded is None or word is None or len(word) >= MAX_WORD_LENGTH:
        return _any_spelling(stored, group)
    end = "%" if has_wildcard(group) else " %"
    words = literal(" ") + key.folded + literal(" ")
    return words.like(f"% {_pattern(word)}{end}", escape=_ESCAPE)


def _any_spelling(stored: ColumnElement[str], group: str) -> Condition:
    return or_(*(_like(stored, f"%={_pattern(spelling)}=%") for spelling in _spellings(group)))


def _spellings(text: str) -> list[str]:
    """SQLite folds the case of ASCII letters only; capitals and small letters beyond are tried as typed, and each."""
    return [text] if text.isascii() else sorted({text, text.upper(), text.lower()})


def _fuzzy_name(key: QueryKey, value: str) -> Condition:
    """Each word of the query begins a word of the name; `search_form` leaves wildcards alone."""
    words = search_form(value).split()
    if len(words) > _MAX_WORDS:
        raise malformed(key, f"at most {_MAX_WORDS} words of a name are looked for")
    if key.folded is None:
        return and_(true(), *(_like(key.column, f"%{_pattern(word)}%") for word in words))
    stored = literal(" ") + key.folded
    return and_(true(), *(stored.like(f"% {_pattern(word)}%", escape=_ESCAPE) for word in words))


def _number(key: QueryKey, value: str) -> Condition:
    if not _NUMBER.fullmatch(value):
        raise malformed(key, "a whole number is needed")
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise malformed(key, "the number does not fit in 32 bits")
    return key.column == number


_MATCHERS: dict[Kind, Callable[[QueryKey, str], Condition]] = {
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.CODES: _codes,
    Kind.NAME: _name_groups,
    Kind.DATE: date_condition,
    Kind.TIME: time_condition,
    Kind.NUMBER: _number,
}

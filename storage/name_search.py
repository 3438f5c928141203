"""Finding a person by whatever one knows of the name: hanzi, pinyin, initials, the Latin group, a part.

A name is stored as its *words*, each in the folded form of `search_form`: what stands between separators, each
component group in one piece (once more as `whole_group`), the given name by itself, and for hanzi the pinyin and its
initials, in the readings that a surname and characters of several readings allow. A search is for the beginnings of
words. The words of a patient are written once, when the patient is new, and their number is bounded.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice, product

from sqlalchemy import ColumnElement, Connection, and_, insert

from storage.surnames import COMPOUND_SURNAMES, SURNAME_READINGS
from storage.tables import patient_word
from storage.text import search_form

MAX_WORDS = 24
"""Of one patient; the plainest come first."""
MAX_WORD_LENGTH = 64
_MAX_READINGS = 6
_MAX_READINGS_OF_ONE = 3
_MAX_SYLLABLES = 16

_SEPARATORS = re.compile(r"[\s^·•・‧.,]+")
_HANZI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+")
_SYLLABLE = re.compile(
    "(?:zh|ch|sh|[bpmfdtnlgkhjqxzcsryw])?"
    "(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|van|ai|ei|ao|ou|an|en|in|un|vn|ia|ie|iu|ua|uo|ui|ue|ve|er"
    "|a|o|e|i|u|v)(?![aeiouv])"
)


def name_words(name: str) -> tuple[str, ...]:
    """The words under which a name ``Alphabetic=Ideographic=Phonetic`` is found, at most `MAX_WORDS`."""
    words = dict.fromkeys(word[:MAX_WORD_LENGTH] for word in _words(name) if word)
    return tuple(islice(words, MAX_WORDS))


def _words(name: str) -> Iterator[str]:
    groups = [group for group in name.split("=") if joined_form(group)]
    for group in groups:
        yield whole_group(group).rstrip("^")
    for group in groups:
        yield joined_form(group)
    for group in groups:
        yield from search_form(group).split()
    for group in groups:
        parts = search_form(group).split()
        yield from _hanzi_words(parts) if any(map(_HANZI.search, parts)) else _latin_words(parts)


def joined_form(text: str) -> str:
    """A component group without separators: ``WANG^Xiao Dong`` is ``wangxiaodong``."""
    return search_form(text).replace(" ", "")


def whole_group(text: str) -> str:
    """A component group as exact matching of names compares it, in a word that nothing else is: ``=wang^xiao^dong``.

    What separates is one sign, however often it stands; at the end of a beginning (``WANG^*``) it stays.
    """
    return "=" + _SEPARATORS.sub("^", unicodedata.normalize("NFKC", text).casefold())


# -- Latin -----------------------------------------------------------------------------------------


def _latin_words(parts: list[str]) -> Iterator[str]:
    """Without accents, and the initials of a name that is pinyin."""
    plain = [_without_accents(part) for part in parts]
    if plain != parts:
        yield from ("".join(plain), *plain)
    syllables = [_syllables(part) for part in plain]
    if all(syllables):
        yield "".join(syllable[0] for part in syllables for syllable in part)


def _without_accents(word: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    return plain if plain.isascii() else word


def _syllables(word: str) -> list[str]:
    """A word cut into syllables of pinyin; nothing if it is none."""
    found = _SYLLABLE.findall(word.replace("ü", "v"))
    return found if "".join(found) == word and len(found) <= _MAX_SYLLABLES else []


# -- hanzi -----------------------------------------------------------------------------------------


def _hanzi_words(parts: list[str]) -> Iterator[str]:
    """Pinyin and initials of the whole name in each likely reading, then of the given name; then its hanzi."""
    surname, given = _divided(parts)
    readings = list(_readings(surname, given))
    for reading in readings:
        yield "".join(reading)
        yield "".join(syllable[:1] for syllable in reading)
    if surname and given:
        yield "".join(readings[0][len(surname) :])
        yield given
        yield given[-1]
    elif len(parts) > 1:
        yield from ("".join(options[0] for options in _options(part)) for part in parts)


def _divided(parts: list[str]) -> tuple[str, str]:
    """Surname and given name; names of more than four hanzi are transcribed and have no surname."""
    whole = "".join("".join(_HANZI.findall(part)) for part in parts)
    if len(whole) > 4 or len(whole) < 2:
        return "", whole
    length = 2 if whole[:2] in COMPOUND_SURNAMES and len(whole) > 2 else 1
    return whole[:length], whole[length:]


def _readings(surname: str, given: str) -> Iterator[tuple[str, ...]]:
    """The likeliest first. A transcribed name is read in one way."""
    head = _surname_readings(surname) if surname else [()]
    tail = [_spellings(options) for options in _options(given, several=bool(surname))]
    yield from islice(((*first, *rest) for rest in product(*tail) for first in head), _MAX_READINGS)


def _surname_readings(surname: str) -> list[tuple[str, ...]]:
    known = [tuple(reading.split()) for reading in SURNAME_READINGS.get(surname, ())]
    usual = product(*(_spellings(options) for options in _options(surname)))
    return list(dict.fromkeys([*known, *usual]))[:_MAX_READINGS_OF_ONE]


def _options(hanzi: str, *, several: bool = False) -> list[list[str]]:
    """The readings of each character: the one it has in this text, and with `several` the next likely one."""
    if not hanzi:
        return []
    from pypinyin import Style, pinyin  # its dictionaries take a quarter of a second to load

    plain = pinyin(hanzi, style=Style.NORMAL, errors="ignore")
    if not several:
        return plain
    every = pinyin(hanzi, style=Style.NORMAL, heteronym=True, errors="ignore")
    return [list(dict.fromkeys([*one, *more]))[:2] for one, more in zip(plain, every, strict=True)]


def _spellings(options: list[str]) -> list[str]:
    """``lv`` is written ``lu`` and ``lyu`` as well: 吕 has no letter of its own on a keyboard."""
    changed = [one.replace("v", other) for one in options if "v" in one for other in ("u", "yu")]
    return list(dict.fromkeys([*options, *changed]))[:_MAX_READINGS_OF_ONE]


# -- the index -------------------------------------------------------------------------------------


def keep_name_words(connection: Connection, site: str, patient_row: int, words: Sequence[str]) -> None:
    """Write the `name_words` of a patient who is new."""
    rows = [{"word": word, "site": site, "patient": patient_row} for word in words]
    if rows:
        connection.execute(insert(patient_word), rows)


def begins_with(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """A range that an index serves on both databases; the column compares by code points."""
    above = _successor(prefix)
    return column >= prefix if above is None else and_(column >= prefix, column < above)


def _successor(prefix: str) -> str | None:
    """The least text above all that begin with `prefix`."""
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1]) + 1
        if code <= 0x10FFFF:
            return prefix[: end - 1] + chr(0xE000 if code == 0xD800 else code)
    return None

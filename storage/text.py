"""Reading names as they were meant (PS3.5 6.1, PS3.3 C.12.1.1.2).

Devices leave (0008,0005) out, or say ISO_IR 100 over GBK bytes. A declared set is believed if it decodes the bytes
and is not the bare default over high bytes; then strict UTF-8 is tried (hanzi in UTF-8 often also "decode" as
GB18030, never the other way round), then the node's own set, GB18030, and Latin-1, which always decodes.
The stored bytes stay as they came.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, python_encoding
from pydicom.valuerep import TEXT_VR_DELIMS

_LATIN_LABELS = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6", "ISO_IR 100", "ISO 2022 IR 100"})
_ALIASES = {"GBK": "GB18030", "GB2312": "GB18030", "UTF-8": "ISO_IR 192", "UTF8": "ISO_IR 192"}
"""Names that are no defined terms and are in use all the same."""
_ESCAPE = re.compile("\x1b[$()*+,\\-./]{1,3}[0-9A-Z]")


@dataclass(frozen=True)
class Charset:
    """The set to decode with, as values of (0008,0005); `suspect` if it is not the declared one."""

    terms: tuple[str, ...]
    suspect: bool


def choose_charset(declared: Iterable[str], node_default: str, samples: list[bytes]) -> Charset:
    """The character set under which `samples`, raw text values of one data set, read cleanly."""
    terms = tuple(_ALIASES.get(term.strip(), term.strip()) for term in declared)
    together = b"".join(samples)
    if together.isascii() and b"\x1b" not in together:
        return Charset(terms or ("",), suspect=False)
    lying = all(term in _LATIN_LABELS for term in terms)
    if not lying and _decodes(terms, samples):
        return Charset(terms, suspect=False)
    for guess in ("ISO_IR 192", node_default, "GB18030"):
        if guess and _decodes((guess,), samples) and not _reads_as_latin(guess, terms, samples):
            # a node's own set under an absent declaration is what we agreed on, not a doubt
            agreed = not any(terms) and guess == node_default
            return Charset((guess,), suspect=not agreed)
    return Charset(("ISO_IR 100",), suspect="ISO_IR 100" not in terms)


def _reads_as_latin(guess: str, terms: tuple[str, ...], samples: list[bytes]) -> bool:
    """Whether Latin-1, being declared, explains the bytes better than `guess`.

    In ``Müller`` a lone high byte stands between ASCII letters; hanzi bring high bytes in runs.
    """
    if guess == "ISO_IR 192" or not any("100" in term for term in terms):
        return False
    return all(_longest_high_run(sample) < 2 for sample in samples)


def _longest_high_run(sample: bytes) -> int:
    longest = run = 0
    for byte in sample:
        run = run + 1 if byte >= 0x80 else 0
        longest = max(longest, run)
    return longest


def _decodes(terms: tuple[str, ...], samples: list[bytes]) -> bool:
    try:
        encodings = convert_encodings(list(terms))
        for sample in samples:
            if "\ufffd" in decode_strictly(sample, encodings):
                return False
    except (UnicodeError, LookupError):
        return False
    return True


def decode_strictly(sample: bytes, encodings: list[str]) -> str:
    """Decode one value; raises `UnicodeError` where pydicom would only warn."""
    if len(encodings) == 1 and b"\x1b" not in sample:
        return sample.decode(encodings[0])
    return decode_bytes(sample, encodings, TEXT_VR_DELIMS)


def are_defined(terms: Iterable[str]) -> bool:
    """Whether all are defined terms of (0008,0005) (PS3.3 C.12.1.1.2)."""
    return all(term in python_encoding for term in terms)


@lru_cache(maxsize=256)
def encodings_of(terms: tuple[str, ...]) -> tuple[str, ...]:
    """Python's names for the values of (0008,0005)."""
    return tuple(convert_encodings(list(terms)))


def _reads_ascii(encoding: str) -> bool:
    ascii_bytes = bytes(range(0x80))
    try:
        return ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    except (UnicodeError, LookupError):
        return False


_ASCII_SUPERSETS = frozenset(name for name in set(python_encoding.values()) if _reads_ascii(name))


def decode_text(value: bytes, encodings: tuple[str, ...]) -> str:
    """Decode one value, what cannot be read replaced (PS3.5 6.1.2.5 for code extensions)."""
    if b"\x1b" in value:
        return decode_bytes(value, list(encodings), TEXT_VR_DELIMS)
    if value.isascii() and encodings[0] in _ASCII_SUPERSETS:
        return value.decode("ascii")
    try:
        return value.decode(encodings[0])
    except LookupError:
        return value.decode(default_encoding)
    except UnicodeError:
        return value.decode(encodings[0], errors="replace")


def without_escapes(text: str) -> str:
    """pydicom leaves ISO 2022 escape sequences in text of code extensions it decoded (PS3.5 6.1.2.5)."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def search_form(text: str) -> str:
    """How names are compared: composed, lower case, one space, the many middle dots of Uyghur names gone."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    for separator in "^=·•・‧.,":
        folded = folded.replace(separator, " ")
    return " ".join(folded.split())

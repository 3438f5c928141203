"""The character set of a report object: that of the study where it can hold the text, UTF-8 otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.dataset import Dataset
from pydicom.valuerep import TEXT_VR_DELIMS, PersonName

UTF_8 = "ISO_IR 192"

# What (0008,0005) applies to (PS3.5 6.1.2.3)
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


def settle_character_set(dataset: Dataset) -> None:
    """Keep (0008,0005) if every text in `dataset` survives it, else set ISO_IR 192 (PS3.3 C.12.1.1.2).

    An object without one keeps none while its text is plain ASCII.
    """
    declared = dataset.get("SpecificCharacterSet")
    texts = list(_texts(dataset))
    if _holds_all(declared, texts):
        return
    dataset.SpecificCharacterSet = UTF_8


def _texts(dataset: Dataset) -> Iterable[str]:
    for element in dataset.iterall():
        if element.VR in TEXT_VRS and element.value:
            values = [element.value] if isinstance(element.value, str | PersonName) else element.value
            yield from (str(value) for value in values)


def _holds_all(declared: object, texts: list[str]) -> bool:
    # Code extensions (several values) start anew after every line end and delimiter, and a report has many.
    if not isinstance(declared, str) or not declared:
        return all(text.isascii() for text in texts)
    encodings = convert_encodings(declared)
    return all(_survives(text, encodings) for text in texts)


def _survives(text: str, encodings: list[str]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_bytes(encode_string(text, encodings), encodings, TEXT_VR_DELIMS) == text

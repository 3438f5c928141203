"""Encoded headers to the DICOM JSON model (PS3.18 Annex F): the fast way.

Headers are read from the bytes whenever they are asked for, a thousand at a time, and pydicom makes several objects of
each element on the way. Here the ordinary elements of all VRs go from bytes to JSON directly (`storage.json_scope`);
headers that are alike share that (`storage.header_texts`). What is unusual in any way - a value that is not of its VR,
a VR that only other attributes tell - raises `Unusual`, and that outermost element goes through pydicom
(`storage.json_model`). Both ways give the same, and tests hold them together.

Nothing is shared between calls but tables that do not change and caches: threads may encode at the same time.
"""

from __future__ import annotations

import struct
from functools import cached_property

from pydicom import Dataset

from storage.dataset import CHARSET_TAG, decode
from storage.json_model import JsonModel, element_json, to_json
from storage.json_scope import Scope
from storage.json_values import Unusual
from storage.plain_elements import SHORT_VRS
from storage.structure import Encoding, Level, Structure, walk
from storage.text import encodings_of

FALLS_BACK = (Unusual, ValueError, OverflowError, struct.error)
"""What the fast way raises for an element that is pydicom's."""


def encode_json(
    data: bytes,
    encoding: Encoding,
    terms: tuple[str, ...],
    tags: frozenset[int] | None = None,
    groups: frozenset[int] | None = None,
) -> JsonModel:
    """The header `data` whose texts are in the character set `terms`; only the outermost `tags`, and of these only
    those of `groups`, if given.

    Raises `Invalid` for bytes that are no data set; those of an instance that was taken in are one.
    """
    return HeaderEncoder(data, encoding, terms).model(tags, groups)


def encode_alone(
    element: bytes, tag: int, encoding: Encoding, terms: tuple[str, ...], representation: int | None
) -> JsonModel:
    """An outermost element for which its own bytes tell everything, but for the character set and (0028,0103)
    PixelRepresentation of its data set. Raises `Unusual`, `ValueError`, `OverflowError` or `struct.error` if they do
    not."""
    encodings = encodings_of(terms)
    if not encoding.implicit_vr and element[4:6] in SHORT_VRS:
        scope = Scope(element, encoding, _NO_LEVEL, encodings, representation)
        return scope.plain(tag, element[4:6].decode("ascii"), element[8:])
    structure = walk(element, 0, encoding, deep=True)
    if not structure.regular or tag not in structure.top.places:
        raise Unusual
    if tag >> 16 & 1 and structure.top.places[tag][0] in (b"", b"UN"):
        raise Unusual  # its creator stands in another element
    scope = Scope(element, encoding, structure.top, encodings, representation)
    return scope.element(tag, f"bulkdata/{tag:08X}")


_NO_LEVEL = Level()


def pixel_representation(element: bytes, encoding: Encoding) -> int | None:
    """The value of an element (0028,0103). Raises `Unusual`."""
    level = walk(element, 0, encoding).top
    return Scope(element, encoding, level, (), None).representation()


class HeaderEncoder:
    """One header being encoded."""

    def __init__(self, data: bytes, encoding: Encoding, terms: tuple[str, ...]) -> None:
        self.data, self.encoding, self.terms = data, encoding, terms
        self.structure: Structure = walk(data, 0, encoding, deep=True)

    @cached_property
    def dataset(self) -> Dataset:
        """The same as pydicom reads it."""
        return decode(self.data, self.structure, self.encoding, self.terms)

    @cached_property
    def scope(self) -> Scope:
        """Its outermost data set."""
        return Scope(self.data, self.encoding, self.structure.top, encodings_of(self.terms), None)

    def model(self, tags: frozenset[int] | None, groups: frozenset[int] | None = None) -> JsonModel:
        """All of it, or the outermost `tags`, or those of `groups`."""

        def is_wanted(tag: int) -> bool:
            return (tags is None or tag in tags) and (groups is None or tag >> 16 in groups)

        if not self.structure.regular:
            return {key: value for key, value in to_json(self.dataset).items() if is_wanted(int(key, 16))}
        there = {tag for tag in self.structure.top.places if tag & 0xFFFF} | {CHARSET_TAG}
        chosen = sorted(filter(is_wanted, there))
        return {f"{tag:08X}": self.outermost(tag)[0] for tag in chosen}

    def outermost(self, tag: int) -> tuple[JsonModel, bool]:
        """One element of a regular header, and whether pydicom was not asked."""
        if tag == CHARSET_TAG:
            return {"vr": "CS", "Value": ["ISO_IR 192"]}, True  # PS3.18 F.2.2: JSON is UTF-8
        path = f"bulkdata/{tag:08X}"
        try:
            return self.scope.element(tag, path), True
        except FALLS_BACK:
            return element_json(self.dataset, tag, path), False

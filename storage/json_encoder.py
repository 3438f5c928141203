"""Encoded headers to the DICOM JSON model (PS3.18 Annex F): the fast way.

Metadata are made from the bytes whenever they are asked for, a thousand instances at a time, and pydicom makes several
objects of each element on the way. Here the ordinary elements of all VRs go from bytes to JSON directly. What is
unusual in any way - a value that is not of its VR, a VR that only other attributes tell - raises `Unusual`, and that
outermost element goes through pydicom (`storage.json_model`). Both ways give the same, and tests hold them together.

Nothing is shared between calls but tables that do not change and caches: threads may encode at the same time.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.filewriter import _AMBIGUOUS_OB_OW_TAGS, _AMBIGUOUS_US_SS_TAGS, _OVERLAY_DATA_TAGS

from storage.dataset import CHARSET_TAG, decode
from storage.json_model import BULK_THRESHOLD, JsonModel, element_json, little_endian, to_json
from storage.json_values import NUMBER_VRS, TEXT_VRS, Unusual, number_values, tag_values, text_values
from storage.plain_elements import SHORT_VRS
from storage.structure import Encoding, Level, Place, Structure, walk
from storage.text import are_defined, encodings_of
from storage.values import UN_LIMIT, read_text

_PIXEL_REPRESENTATION, _PIXEL_DATA = 0x00280103, 0x7FE00010


_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})
_SIGNED_OR_NOT = frozenset(_AMBIGUOUS_US_SS_TAGS)
_OB_OR_OW = frozenset(_AMBIGUOUS_OB_OW_TAGS | _OVERLAY_DATA_TAGS)


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
        scope = _Scope(element, encoding, _NO_LEVEL, encodings, representation)
        return scope.plain(tag, element[4:6].decode("ascii"), element[8:])
    structure = walk(element, 0, encoding, deep=True)
    if not structure.regular or tag not in structure.top.places:
        raise Unusual
    if tag >> 16 & 1 and structure.top.places[tag][0] in (b"", b"UN"):
        raise Unusual  # its creator stands in another element
    scope = _Scope(element, encoding, structure.top, encodings, representation)
    return scope.element(tag, f"bulkdata/{tag:08X}")


_NO_LEVEL = Level()


def pixel_representation(element: bytes, encoding: Encoding) -> int | None:
    """The value of an element (0028,0103). Raises `Unusual`."""
    level = walk(element, 0, encoding).top
    return _Scope(element, encoding, level, (), None).representation()


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
    def scope(self) -> _Scope:
        """Its outermost data set."""
        return _Scope(self.data, self.encoding, self.structure.top, encodings_of(self.terms), None)

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


@dataclass(slots=True)
class _Scope:
    """One data set, the outermost or an item, with what its elements need to know of it."""

    data: bytes
    encoding: Encoding
    level: Level
    encodings: tuple[str, ...]
    inherited_representation: int | None

    def element(self, tag: int, path: str) -> JsonModel:
        """One element. Raises `Unusual`."""
        place = self.level.places[tag]
        vr = self._vr(tag, place)
        if vr == "SQ":
            return self._sequence(tag, place, path)
        _, start, length = place
        if length < 0:
            raise Unusual
        value = self.data[start : start + length]
        if vr in _BINARY:
            return self._binary(vr, value, path)
        return self.plain(tag, vr, value)

    def plain(self, tag: int, vr: str, value: bytes) -> JsonModel:
        """One that is neither binary nor a sequence. Raises `Unusual`."""
        if len(vr) != 2:
            raise Unusual
        if not value:
            return {"vr": vr}
        if vr in NUMBER_VRS:
            values = self._numbers(tag, vr, value)
        elif vr in TEXT_VRS:
            values = text_values(vr, value, self.encodings)
        elif vr == "AT":
            values = tag_values(value, self.encoding.byte_order)
        else:
            raise Unusual
        return {"vr": vr, "Value": values} if values else {"vr": vr}

    def _numbers(self, tag: int, vr: str, value: bytes) -> list[Any]:
        values = number_values(vr, value, self.encoding.byte_order)
        if tag in _LUT_DESCRIPTORS and len(values) > 1 and values[0] < 0 and not self.encoding.implicit_vr:
            values[0] += 65536  # the number of entries is unsigned in any case (PS3.3 C.11.1.1.1)
        return values

    def _binary(self, vr: str, value: bytes, path: str) -> JsonModel:
        if not value:
            return {"vr": vr}
        if len(value) > BULK_THRESHOLD:
            return {"vr": vr, "BulkDataURI": path}
        data = value if self.encoding.little_endian else little_endian(value, vr)
        return {"vr": vr, "InlineBinary": b64encode(data).decode("ascii")}

    def _sequence(self, tag: int, place: Place, path: str) -> JsonModel:
        if place[0] == b"UN":
            raise Unusual  # its items may be encoded in another way
        if tag not in self.level.items:
            if place[2] == 0:
                return {"vr": "SQ"}
            raise Unusual  # a private sequence in implicit VR: the walk did not know it for one
        representation = self.representation()
        items = [
            self._item(level, representation, f"{path}/{index}")
            for index, level in enumerate(self.level.items[tag])
        ]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}

    def _item(self, level: Level, representation: int | None, path: str) -> JsonModel:
        encodings = self._item_encodings(level)
        scope = _Scope(self.data, self.encoding, level, encodings, representation)
        chosen = sorted(tag for tag in level.places if tag & 0xFFFF)
        return {f"{tag:08X}": scope.element(tag, f"{path}/{tag:08X}") for tag in chosen}

    def _item_encodings(self, level: Level) -> tuple[str, ...]:
        """An item may declare its own character set (PS3.5 7.5.3)."""
        place = level.places.get(CHARSET_TAG)
        if place is None:
            return self.encodings
        if place[0] not in (b"", b"CS"):
            raise Unusual
        terms = self.data[place[1] : place[1] + place[2]].decode("latin-1").rstrip(" \0").split("\\")
        if not are_defined(terms):
            raise Unusual
        return encodings_of(tuple(terms))

    def _vr(self, tag: int, place: Place) -> str:
        written = place[0]
        if written and written != b"UN":
            return written.decode("ascii")
        if tag >> 16 & 1:
            return self._private_vr(tag)
        if written and place[2] >= UN_LIMIT:
            return "UN"
        vr = _dictionary_vr(tag)
        return vr if len(vr) == 2 else self._resolved(tag, vr, written)

    def _private_vr(self, tag: int) -> str:
        """PS3.5 6.2.2 and 7.8.1; what only the creator knows is UN."""
        number = tag & 0xFFFF
        if 0x10 <= number < 0x100:
            return "LO"
        creator = self.level.places.get((tag & 0xFFFF0000) | number >> 8)
        if number < 0x100 or creator is None:
            return "UN"
        if creator[0] not in (b"", b"LO", b"UN") or creator[2] < 0:
            raise Unusual
        name = self.data[creator[1] : creator[1] + creator[2]]
        return _known_private_vr(tag, read_text(name, self.encodings))

    def _resolved(self, tag: int, vr: str, written: bytes) -> str:
        """The dictionary's choices (PS3.5 Annex A.1 for OB or OW; PS3.3 C.7.6.3 for US or SS)."""
        if written:
            raise Unusual
        if vr == "US or SS" and tag in _SIGNED_OR_NOT:
            return "SS" if self.representation() else "US"
        if vr == "OB or OW" and tag in _OB_OR_OW:
            return "OW"
        raise Unusual

    def representation(self) -> int | None:
        """(0028,0103) of this data set or the closest around it."""
        place = self.level.places.get(_PIXEL_REPRESENTATION)
        if place is not None:
            if place[0] not in (b"", b"US") or place[2] != 2:
                raise Unusual
            return int.from_bytes(
                self.data[place[1] : place[1] + 2], "little" if self.encoding.little_endian else "big"
            )
        if self.inherited_representation is None and _PIXEL_DATA in self.level.places:
            raise Unusual
        return self.inherited_representation


@lru_cache(maxsize=1 << 14)
def _dictionary_vr(tag: int) -> str:
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return "UN"


@lru_cache(maxsize=1 << 14)
def _known_private_vr(tag: int, creator: str) -> str:
    if "\\" in creator:
        raise Unusual
    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return "UN"

"""The elements of one data set, the outermost or an item, from their bytes to the DICOM JSON model (PS3.18 F.2).

What is unusual in any way raises `Unusual`; what is right for it is for others to say (`storage.json_encoder`).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.filewriter import _AMBIGUOUS_OB_OW_TAGS, _AMBIGUOUS_US_SS_TAGS, _OVERLAY_DATA_TAGS

from storage.dataset import CHARSET_TAG
from storage.json_model import BULK_THRESHOLD, JsonModel, little_endian
from storage.json_values import NUMBER_VRS, TEXT_VRS, Unusual, number_values, tag_values, text_values
from storage.structure import Encoding, Level, Place
from storage.text import are_defined, encodings_of
from storage.values import UN_LIMIT, read_text

_PIXEL_REPRESENTATION, _PIXEL_DATA = 0x00280103, 0x7FE00010
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_LUT_DESCRIPTORS = frozenset({0x00281101, 0x00281102, 0x00281103, 0x00283002})
_SIGNED_OR_NOT = frozenset(_AMBIGUOUS_US_SS_TAGS)
_OB_OR_OW = frozenset(_AMBIGUOUS_OB_OW_TAGS | _OVERLAY_DATA_TAGS)


@dataclass(slots=True)
class Scope:
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
        scope = Scope(self.data, self.encoding, level, encodings, representation)
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

"""The one narrow loop of the walk (PS3.5 section 7.1): elements of which nothing but the length is to be checked.

Nearly all elements of nearly all instances are such. Each costs one `struct` call and one dictionary entry; what is
nested, unknown or too long is left to `storage.structure`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom._dicom_dict import DicomDictionary
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = frozenset(
    {0x7FE00008, 0x7FE00009, 0x7FE00010}
)  # double float, float, integer: PS3.3 C.7.6.3, C.7.6.24
SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH"}
    | {b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_LONG_PLAIN_VRS = LONG_VRS - {b"SQ"}
SEQUENCE_TAGS = frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")

Buffer = memoryview | bytes


@dataclass(frozen=True)
class Encoding:
    """How a data set is written (PS3.5 section 7.1 and 7.3)."""

    implicit_vr: bool
    little_endian: bool

    @classmethod
    def of(cls, transfer_syntax_uid: str) -> Encoding:
        """Every transfer syntax but two is explicit VR little endian (PS3.5 Annex A)."""
        return cls(transfer_syntax_uid == ImplicitVRLittleEndian, transfer_syntax_uid != ExplicitVRBigEndian)

    @property
    def byte_order(self) -> str:
        """The `struct` prefix."""
        return "<" if self.little_endian else ">"


Place = tuple[bytes, int, int]
"""An element's VR (empty where the encoding has none), the offset of its value, its length or -1 if undefined."""


def pass_plain_elements(
    buffer: Buffer, position: int, end: int, encoding: Encoding, places: dict[int, Place], *, outermost: bool
) -> int:
    """Note the places of elements from `position` on and return where the first is that is not plain, or `end`.

    Plain has a known VR and nothing nested, its value ends before `end`, and it is no pixel data if `outermost`.
    Raises `struct.error` where the buffer ends before `end` does.
    """
    stop_at = PIXEL_DATA if outermost else frozenset[int]()
    if encoding.implicit_vr:
        return _pass_implicit(buffer, position, end, places, stop_at)
    return _pass_explicit(buffer, position, end, encoding.byte_order, places, stop_at)


def _pass_explicit(
    buffer: Buffer, position: int, end: int, order: str, places: dict[int, Place], stop_at: frozenset[int]
) -> int:
    head, long_length = _EXPLICIT_HEADS[order]
    while end - position >= 8:
        group, number, vr, length = head(buffer, position)
        value = position + 8
        if vr not in SHORT_VRS:
            if vr not in _LONG_PLAIN_VRS or end - position < 12:
                return position
            (length,) = long_length(buffer, value)
            value += 4
        tag = group << 16 | number
        if length == UNDEFINED or value + length > end or group == 0xFFFE or tag in stop_at:
            return position
        places[tag] = (vr, value, length)
        position = value + length
    return position


_EXPLICIT_HEADS = {
    order: (struct.Struct(order + "HH2sH").unpack_from, struct.Struct(order + "L").unpack_from)
    for order in "<>"
}
_IMPLICIT_HEAD = struct.Struct("<HHL").unpack_from


def _pass_implicit(
    buffer: Buffer, position: int, end: int, places: dict[int, Place], stop_at: frozenset[int]
) -> int:
    while end - position >= 8:
        group, number, length = _IMPLICIT_HEAD(buffer, position)
        tag = group << 16 | number
        value = position + 8
        if tag in SEQUENCE_TAGS or tag in stop_at or group == 0xFFFE or tag == 0:
            return position
        if length == UNDEFINED or value + length > end:
            return position
        places[tag] = (b"", value, length)
        position = value + length
    return position

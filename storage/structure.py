"""The skeleton of an encoded data set (PS3.5 section 7), walked before anything is decoded.

A walk reads tags and lengths only. It finds what later decoding must not find out the hard way: a value that
runs past the end of the file, nesting without end, a sequence that never closes; and it finds where the pixel
data lies, so that a frame can be one range read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from storage.errors import Invalid

MAX_DEPTH = 64
"""Sequences nested deeper than this are refused; real objects stay below 12."""

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = frozenset(
    {0x7FE00008, 0x7FE00009, 0x7FE00010}
)  # double float, float, integer: PS3.3 C.7.6.3, C.7.6.24
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)

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


@dataclass(frozen=True)
class Element:
    """One element's place: `value_offset` and `length` are bytes; `length` None means undefined."""

    tag: int
    vr: bytes
    offset: int
    value_offset: int
    length: int | None


@dataclass(frozen=True)
class Structure:
    """Where the header ends, and the pixel data element, if there is one."""

    header_end: int
    pixel_data: Element | None


def tag_name(tag: int) -> str:
    """``(0028,0010) Rows``: the form in which every error names an element."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()


def walk(buffer: Buffer, start: int, encoding: Encoding, *, size: int | None = None) -> Structure:
    """Check the skeleton of the data set at `start` and find its pixel data.

    Raises `Invalid`, naming the element, where a length leaves the buffer or nesting passes `MAX_DEPTH`. `size` is
    the whole file's, where the buffer holds its beginning only: then `struct.error` means that more is needed.
    """
    end = len(buffer) if size is None else size
    walker = _Walker(buffer, end)
    position = start
    while position < end:
        if _only_padding(buffer, position):
            break
        element = walker.element(position, end, encoding)
        if element.tag in PIXEL_DATA:
            walker.require_value_inside(element, end)
            return Structure(element.offset, element)
        position = walker.skip(element, end, encoding, depth=0)
    return Structure(position, None)


def _only_padding(buffer: Buffer, position: int) -> bool:
    """Some writers fill a file's last block with zeros; no element has tag (0000,0000) here."""
    return bytes(buffer[position : position + 4]) == b"\0\0\0\0" and not any(buffer[position:])


class _Walker:
    def __init__(self, buffer: Buffer, size: int) -> None:
        self.buffer = buffer
        self.size = size

    def element(self, position: int, end: int, encoding: Encoding) -> Element:
        """Read one element's tag, VR and length."""
        if end - position < 8:
            raise Invalid(f"the data set ends inside an element's header at byte {position}")
        group, number = struct.unpack_from(encoding.byte_order + "HH", self.buffer, position)
        tag = group << 16 | number
        vr = bytes(self.buffer[position + 4 : position + 6])
        if encoding.implicit_vr or group == 0xFFFE or not _is_vr(vr):
            # a file that mixes implicit elements into an explicit data set is wrong and yet common
            return self._sized(tag, b"", position, position + 8, "L", position + 4, encoding)
        if vr not in _LONG_VRS:
            return self._sized(tag, vr, position, position + 8, "H", position + 6, encoding)
        if end - position < 12:
            raise Invalid(f"the data set ends inside the header of {tag_name(tag)}")
        return self._sized(tag, vr, position, position + 12, "L", position + 8, encoding)

    def _sized(
        self, tag: int, vr: bytes, offset: int, value_offset: int, form: str, at: int, encoding: Encoding
    ) -> Element:
        (length,) = struct.unpack_from(encoding.byte_order + form, self.buffer, at)
        return Element(tag, vr, offset, value_offset, None if length == UNDEFINED else length)

    def require_value_inside(self, element: Element, end: int) -> None:
        """A value must end where its container ends, or before."""
        if element.length is not None and element.value_offset + element.length > end:
            raise Invalid(
                f"{tag_name(element.tag)} announces {element.length} bytes, "
                f"but only {end - element.value_offset} follow: the data set is truncated",
                tag=tag_name(element.tag),
            )

    def skip(self, element: Element, end: int, encoding: Encoding, depth: int) -> int:
        """Return the offset just after `element`, having checked what is nested in it."""
        self.require_value_inside(element, end)
        if element.length is None:
            # PS3.5 6.2.2 note 2: UN of undefined length holds implicit VR little endian
            inner = Encoding(True, True) if element.vr == b"UN" else encoding
            return self._items(element, element.value_offset, end, inner, depth + 1)
        value_end = element.value_offset + element.length
        if element.vr == b"SQ" or (not element.vr and _is_sequence(element.tag)):
            self._items(element, element.value_offset, value_end, encoding, depth + 1)
        return value_end

    def _items(self, sequence: Element, position: int, end: int, encoding: Encoding, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise Invalid(f"{tag_name(sequence.tag)}: sequences are nested deeper than {MAX_DEPTH} levels")
        while position < end:
            item = self.element(position, end, encoding)
            if item.tag == SEQUENCE_END:
                return item.value_offset
            if item.tag != ITEM:
                raise Invalid(
                    f"{tag_name(sequence.tag)} holds {tag_name(item.tag)} where an item should begin"
                )
            position = self._item(item, end, encoding, depth)
        if sequence.length is None:
            raise Invalid(f"{tag_name(sequence.tag)} never ends: the data set is truncated")
        return position

    def _item(self, item: Element, end: int, encoding: Encoding, depth: int) -> int:
        self.require_value_inside(item, end)
        item_end = end if item.length is None else item.value_offset + item.length
        position = item.value_offset
        while position < item_end:
            element = self.element(position, item_end, encoding)
            if element.tag == ITEM_END:
                return element.value_offset
            position = self.skip(element, item_end, encoding, depth)
        if item.length is None:
            raise Invalid("an item of a sequence never ends: the data set is truncated")
        return position


def _is_vr(vr: bytes) -> bool:
    return vr.isalpha() and vr.isupper()


def _is_sequence(tag: int) -> bool:
    entry = DicomDictionary.get(tag)
    return entry is not None and entry[0] == "SQ"

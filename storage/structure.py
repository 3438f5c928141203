"""The skeleton of an encoded data set (PS3.5 section 7), walked before anything is decoded.

A walk reads tags and lengths only. It finds what later decoding must not find out the hard way: a value that
runs past the end of the file, nesting without end, a sequence that never closes; and it finds where the pixel
data lies, so that a frame can be one range read.

Every instance that comes in is walked, so the elements of which nothing but the length is to be checked pass through
one narrow loop (`storage.plain_elements`); all others are looked at by `_Walker`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag

from storage.errors import Invalid
from storage.plain_elements import (
    LONG_VRS,
    PIXEL_DATA,
    SEQUENCE_TAGS,
    SHORT_VRS,
    UNDEFINED,
    Buffer,
    Encoding,
    Place,
    pass_plain_elements,
)

__all__ = [
    "ITEM",
    "MAX_DEPTH",
    "SEQUENCE_END",
    "Buffer",
    "Element",
    "Encoding",
    "Level",
    "Place",
    "Structure",
    "element_end",
    "tag_name",
    "walk",
]

MAX_DEPTH = 64
"""Sequences nested deeper than this are refused; real objects stay below 12."""

MAX_ELEMENTS = 1 << 16
"""Elements of the outermost data set; real ones have some hundred. Where each lies is held in memory."""
MAX_ITEMS, ITEMS_PER_FRAME = 100_000, 64
"""Items of all sequences together, or so many for each frame where this is more (functional groups, PS3.3
C.7.6.16). Each takes a hundred times longer to walk than to send."""
_STRETCH = 1 << 20
"""Bytes that are walked before it is counted how many there were."""

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_FRAGMENT_VRS = frozenset({b"OB", b"OW"})
_NESTING_VRS = _FRAGMENT_VRS | {b"SQ", b"UN"}


@dataclass(frozen=True)
class Element:
    """One element's place: `value_offset` and `length` are bytes; `length` None means undefined."""

    tag: int
    vr: bytes
    offset: int
    value_offset: int
    length: int | None


@dataclass(slots=True)
class Level:
    """The elements of one data set: the outermost or an item. The last of several with the same tag counts."""

    places: dict[int, Place] = field(default_factory=dict)
    items: dict[int, list[Level]] = field(default_factory=dict)
    """What is nested in a sequence; only filled by a walk that goes `deep`."""


@dataclass(frozen=True)
class Structure:
    """The elements before the pixels, where they end, and the pixel data element, if there is one."""

    header_end: int
    pixel_data: Element | None
    top: Level
    regular: bool
    """Whether every element before the pixels stands as PS3.5 section 7 has it. Where not, readers differ in what
    they see: values then come from pydicom's reader, which knows more ways to be wrong."""


def tag_name(tag: int) -> str:
    """``(0028,0010) Rows``: the form in which every error names an element."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword_for_tag(tag)}".rstrip()


def walk(
    buffer: Buffer, start: int, encoding: Encoding, *, size: int | None = None, deep: bool = False
) -> Structure:
    """Check the skeleton of the data set at `start` and find its elements and its pixel data.

    Raises `Invalid`, naming the element, where a length leaves the buffer or nesting passes `MAX_DEPTH`. `size` is
    the whole file's, where the buffer holds its beginning only: then `struct.error` means that more is needed.
    """
    end = len(buffer) if size is None else size
    walker = _Walker(buffer, deep=deep)
    walker.regular = not (encoding.implicit_vr and _looks_explicit(buffer, start))
    top, position = walker.top, start
    while True:
        stretch = min(end, position + _STRETCH)
        position = pass_plain_elements(buffer, position, stretch, encoding, top.places, outermost=True)
        if len(top.places) > MAX_ELEMENTS:
            raise Invalid(f"the data set has more than {MAX_ELEMENTS} elements before its pixels")
        if position >= end or _only_padding(buffer, position):
            return Structure(position, None, top, walker.regular)
        element = walker.element(position, end, encoding)
        if element.tag in PIXEL_DATA:
            walker.require_value_inside(element, end)
            return Structure(element.offset, element, top, walker.regular)
        position = walker.skip(element, end, encoding, 0, top)


def element_end(buffer: Buffer, position: int, encoding: Encoding) -> int | None:
    """Where the element at `position` of a data set that was walked before ends; None if it, or anything in it, does
    not stand as PS3.5 section 7 has it. Raises what `walk` raises."""
    walker = _Walker(buffer, deep=False)
    element = walker.element(position, len(buffer), encoding)
    end = walker.skip(element, len(buffer), encoding, 0, walker.top)
    return end if walker.regular else None


def _only_padding(buffer: Buffer, position: int) -> bool:
    """Some writers fill a file's last block with zeros; no element has tag (0000,0000) here."""
    return bytes(buffer[position : position + 4]) == b"\0\0\0\0" and not any(buffer[position:])


def _looks_explicit(buffer: Buffer, start: int) -> bool:
    """Whether a VR stands where implicit VR has a length: pydicom then reads all of it as explicit."""
    return _is_vr(bytes(buffer[start + 4 : start + 6]))


class _Walker:
    def __init__(self, buffer: Buffer, *, deep: bool) -> None:
        self.buffer = buffer
        self.deep = deep
        self.regular = True
        self.top = Level()
        self._items_left = MAX_ITEMS
        self._is_extended = False

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
        if vr not in LONG_VRS:
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

    def skip(self, element: Element, end: int, encoding: Encoding, depth: int, level: Level) -> int:
        """Return the offset just after `element`, having checked what is nested in it."""
        self.require_value_inside(element, end)
        self.regular = self.regular and _is_regular(element, encoding)
        length = -1 if element.length is None else element.length
        level.places[element.tag] = (element.vr, element.value_offset, length)
        items: list[Level] | None = None
        if self.deep:
            items = level.items[element.tag] = []
        if element.length is None:
            # PS3.5 6.2.2 note 2: UN of undefined length holds implicit VR little endian
            inner = Encoding(True, True) if element.vr == b"UN" else encoding
            return self._items(element, element.value_offset, end, inner, depth + 1, items)
        value_end = element.value_offset + element.length
        if element.vr == b"SQ" or (not element.vr and element.tag in SEQUENCE_TAGS):
            self._items(element, element.value_offset, value_end, encoding, depth + 1, items)
        return value_end

    def _items(
        self,
        sequence: Element,
        position: int,
        end: int,
        encoding: Encoding,
        depth: int,
        items: list[Level] | None,
    ) -> int:
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
            self._count_item()
            level = Level()
            if items is not None:
                items.append(level)
            position = self._item(sequence, item, end, encoding, depth, level)
        if sequence.length is None:
            raise Invalid(f"{tag_name(sequence.tag)} never ends: the data set is truncated")
        return position

    def _count_item(self) -> None:
        if not self._items_left and not self._is_extended:
            self._is_extended = True
            self._items_left = max(0, ITEMS_PER_FRAME * self._number_of_frames() - MAX_ITEMS)
        if not self._items_left:
            raise Invalid("the sequences of the data set have too many items")
        self._items_left -= 1

    def _number_of_frames(self) -> int:
        """(0028,0008) as it stands there; 0 if it does not, or is no number."""
        _, offset, length = self.top.places.get(0x00280008, (b"", 0, 0))
        text = bytes(self.buffer[offset : offset + min(length, 12)]).strip(b" \0")
        return int(text) if text.isdigit() else 0

    def _item(
        self, sequence: Element, item: Element, end: int, encoding: Encoding, depth: int, level: Level
    ) -> int:
        self.require_value_inside(item, end)
        if item.length is not None and sequence.vr in _FRAGMENT_VRS:
            return item.value_offset + item.length  # a compressed icon: fragments, no data sets (PS3.5 A.4)
        item_end = end if item.length is None else item.value_offset + item.length
        position = item.value_offset
        while True:
            position = pass_plain_elements(
                self.buffer, position, item_end, encoding, level.places, outermost=False
            )
            if position >= item_end:
                break
            element = self.element(position, item_end, encoding)
            if element.tag == ITEM_END:
                self.regular = self.regular and element.length == 0
                return element.value_offset
            position = self.skip(element, item_end, encoding, depth, level)
        if item.length is None:
            raise Invalid("an item of a sequence never ends: the data set is truncated")
        return position


def _is_regular(element: Element, encoding: Encoding) -> bool:
    if element.tag >> 16 == 0xFFFE:
        return False
    if encoding.implicit_vr:
        return (
            element.length is not None or element.tag in SEQUENCE_TAGS or element.tag not in DicomDictionary
        )
    if element.vr not in SHORT_VRS and element.vr not in LONG_VRS:
        return False
    return element.length is not None or element.vr in _NESTING_VRS


def _is_vr(vr: bytes) -> bool:
    return vr.isalpha() and vr.isupper()

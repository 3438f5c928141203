"""A data set in another uncompressed encoding (PS3.5 7.1, 7.3), every value as it was.

Values are not interpreted: texts in a wrongly declared character set, numbers that are none and private elements
come out byte for byte. Only what the encoding itself decides is changed: how tag, VR and length are written, and the
order of bytes in numbers. Group lengths, which would be wrong afterwards and are retired (PS3.5 7.2), are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import cast

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag

from storage.structure import Encoding

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""VRs whose length takes 32 bits (PS3.5 7.1.2)."""
_WORD_BYTES = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_PADDED_WITH_BLANK = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"}
)
_PIXEL_REPRESENTATION = 0x00280103
_ITEM, _LONGEST_SHORT = 0xFFFEE000, 0xFFFF


def recode(dataset: Dataset, source: Encoding, target: Encoding, *, signed: bool = False) -> bytes:
    """`dataset`, as pydicom read it from `source` and nobody touched since, in `target`.

    `signed` is what an outer data set's PixelRepresentation says; it decides what "US or SS" is.
    """
    signed = _is_signed(dataset, outside=signed)
    return b"".join(
        _element(dataset, tag, source, target, signed) for tag in sorted(dataset.keys()) if tag.element
    )


def head(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """An element's tag, VR and length. A value too long for its VR becomes UN (PS3.5 6.2.2 note 3)."""
    order = encoding.byte_order
    start = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if encoding.implicit_vr:
        return start + struct.pack(f"{order}L", length)
    if vr not in _LONG and length <= _LONGEST_SHORT:
        return start + vr.encode() + struct.pack(f"{order}H", length)
    return start + (vr if vr in _LONG else "UN").encode() + struct.pack(f"{order}HL", 0, length)


def swapped(value: bytes, word_bytes: int) -> bytes:
    """The bytes of each word in the other order; a rest that fills no word stays."""
    if word_bytes == 1:
        return value
    whole = len(value) // word_bytes * word_bytes
    return np.frombuffer(value, f"u{word_bytes}", whole // word_bytes).byteswap().tobytes() + value[whole:]


def _element(dataset: Dataset, tag: BaseTag, source: Encoding, target: Encoding, signed: bool) -> bytes:
    element = cast(DataElement | RawDataElement, dataset.get_item(tag))
    vr = _vr(dataset, element, signed)
    if vr == "SQ":
        value = _items(dataset[tag].value or [], source, target, signed)
    elif isinstance(element, RawDataElement):
        value = element.value or b""
        if source.little_endian != target.little_endian:
            value = swapped(value, _WORD_BYTES.get(vr, 1))
    else:
        value = _encoded(element, vr, target)
    if len(value) % 2:
        value += b" " if vr in _PADDED_WITH_BLANK else b"\0"
    return head(int(tag), vr, len(value), target) + value


def _items(items: Iterable[Dataset], source: Encoding, target: Encoding, signed: bool) -> bytes:
    parts = []
    for item in items:
        # what stands inside UN is implicit VR little endian whatever stands around it (PS3.5 6.2.2 note 2)
        implicit, little = item.original_encoding
        own = source if implicit is None or little is None else Encoding(implicit, little)
        value = recode(item, own, target, signed=signed)
        parts.append(head(_ITEM, "", len(value), Encoding(True, target.little_endian)) + value)
    return b"".join(parts)


def _encoded(element: DataElement, vr: str, target: Encoding) -> bytes:
    """The value of an element that we made: numbers and codes of the Image Pixel module."""
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = True, target.little_endian
    write_data_element(out, DataElement(element.tag, vr, element.value))
    return out.getvalue()[8:]


def _vr(dataset: Dataset, element: DataElement | RawDataElement, signed: bool) -> str:
    """The VR as it was written, else as the dictionary has it; of several the one that fits."""
    vr = element.VR or _dictionary_vr(dataset, element.tag)
    if vr == "UN" and isinstance(element, DataElement) and isinstance(element.value, list):
        return "SQ"
    if " or " not in vr:
        return vr
    if "OW" in vr:
        return "OW"
    return "SS" if signed else "US"


def _dictionary_vr(dataset: Dataset, tag: BaseTag) -> str:
    if tag.is_private_creator:
        return "LO"
    try:
        if not tag.is_private:
            return dictionary_VR(tag)
        creator = _raw_value(dataset, BaseTag(tag.group << 16 | tag.element >> 8))
        return private_dictionary_VR(tag, creator.decode("latin-1").strip(" \0"))
    except KeyError:
        return "UN"


def _is_signed(dataset: Dataset, *, outside: bool) -> bool:
    """What (0028,0103) PixelRepresentation says here, or around it."""
    if _PIXEL_REPRESENTATION not in dataset:
        return outside
    element = cast(DataElement | RawDataElement, dataset.get_item(_PIXEL_REPRESENTATION))
    return any(element.value or b"") if isinstance(element, RawDataElement) else bool(element.value)


def _raw_value(dataset: Dataset, tag: BaseTag) -> bytes:
    """As it was read, not decoded: what pydicom has decoded it may write in another form."""
    element = cast(DataElement | RawDataElement | None, dataset.get_item(tag))
    return (element.value or b"") if isinstance(element, RawDataElement) else b""

"""A header as pydicom's data set, for those who compute with it and for headers that are not written as they should.

Every text is read in the character set that was found to be the right one, in items of sequences too.
"""

from __future__ import annotations

import struct
from io import BytesIO

from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset

from storage.errors import Invalid
from storage.plain_elements import LONG_VRS
from storage.structure import Encoding, Place, Structure

CHARSET_TAG = 0x00080005


def parse(data: bytes, encoding: Encoding) -> Dataset:
    """`data` as pydicom reads it. Raises `Invalid`."""
    try:
        return read_dataset(BytesIO(data), encoding.implicit_vr, encoding.little_endian)
    except Exception as why:  # pydicom raises many kinds here; each means the same to a sender
        raise Invalid(f"the data set cannot be read: {type(why).__name__}: {why}") from why


def decode(data: bytes, structure: Structure, encoding: Encoding, terms: tuple[str, ...]) -> Dataset:
    """`data`, whose walk gave `structure`, with (0008,0005) being `terms` whatever it says. Raises `Invalid`."""
    if structure.regular and structure.top.places.get(CHARSET_TAG, (b"", 0, 0))[2] >= 0:
        data = _with_charset(data, structure, encoding, terms)
    dataset = parse(data, encoding)
    dataset.add_new(CHARSET_TAG, "CS", list(terms))
    written = dataset.original_encoding
    dataset.set_original_encoding(written[0], written[1], convert_encodings(list(terms)))
    return dataset


def _with_charset(data: bytes, structure: Structure, encoding: Encoding, terms: tuple[str, ...]) -> bytes:
    """pydicom reads sequences of undefined length at once, in the set that stands in the bytes."""
    value = "\\".join(terms).encode("ascii", "replace")
    value += b" " * (len(value) % 2)
    start = end = 0
    place = structure.top.places.get(CHARSET_TAG)
    if place is not None:
        start, end = place[1] - (12 if place[0] in LONG_VRS else 8), place[1] + place[2]
        if data[place[1] : end].rstrip(b" \0") == value.rstrip():
            return data
    form = "HHL" if encoding.implicit_vr else "HH2sH"
    vr = () if encoding.implicit_vr else (b"CS",)
    head = struct.pack(encoding.byte_order + form, 0x0008, 0x0005, *vr, len(value))
    return head + value + data[:start] + data[end:]


def places_of(dataset: Dataset, start: int) -> dict[int, Place]:
    """Where pydicom found the values of a data set that begins at `start`; sequences that it read are left out."""
    places: dict[int, Place] = {}
    for tag, element in dataset.items():
        if isinstance(element, RawDataElement):
            vr = (element.VR or "").encode("latin-1")
            places[int(tag)] = (vr, start + element.value_tell, len(element.value or b""))
    return places

"""LUT Descriptor and LUT Data, as Modality LUT and VOI LUT items hold them (PS3.3 C.11.1.1, C.11.2.1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name


@dataclass(frozen=True)
class LookupTable:
    """`entries` `(n,)` unsigned; the first is for input `first_mapped`, an output has `bits` bits."""

    entries: NDArray[Any]
    first_mapped: int
    bits: int

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Outputs of the shape of `values`; inputs beyond either end take the entry at that end."""
        last = len(self.entries) - 1
        index = np.clip(np.rint(values - float(self.first_mapped)), 0, last).astype(np.intp)
        return self.entries[index]


def lookup_table(header: Dataset, item: Dataset, *, signed_input: bool) -> LookupTable:
    """Read an item of a Modality or VOI LUT Sequence; raises `Invalid` if it lacks what a table needs."""
    descriptor = attributes.numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        raise Invalid(f"{tag_name('LUTDescriptor')} is missing or has not three values")
    entries = table_words(header, item, "LUTData")
    count = entry_count(descriptor[0])
    bits = int(descriptor[2])
    if not 0 < bits <= 16:
        raise Invalid(f"{tag_name('LUTDescriptor')} says {bits} bits an entry")
    return LookupTable(entries[:count], first_mapped(descriptor[1], signed=signed_input), bits)


def entry_count(value: float) -> int:
    """The descriptor's first value: 0 stands for 65536, and read as a signed word it may be negative."""
    return (int(value) & 0xFFFF) or 0x10000


def first_mapped(value: float, *, signed: bool) -> int:
    """The descriptor's second value, whose VR (US or SS) follows the input's sign and is often read wrongly."""
    word = int(value) & 0xFFFF
    return word - 0x10000 if signed and word >= 0x8000 else word


def table_words(header: Dataset, item: Dataset, keyword: str) -> NDArray[Any]:
    """Table data as 16-bit words `(n,)`, whether it was read as numbers (US) or as bytes (OW)."""
    value = attributes.value_of(item, keyword)
    if isinstance(value, bytes | bytearray):
        # Bytes keep the order of the file they came from; a header that came from elsewhere is little endian.
        order = ">" if header.original_encoding[1] is False else "<"
        words = np.frombuffer(value, f"{order}u2", len(value) // 2).astype(np.uint16)
    else:
        words = np.array(attributes.numbers(item, keyword)).astype(np.int64).astype(np.uint16)
    if not len(words):
        raise Invalid(f"{tag_name(keyword)} is missing")
    return words

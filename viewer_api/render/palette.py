"""Palette colour lookup tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name
from viewer_api.render.lookup_table import LookupTable, entry_count, first_mapped, table_words
from viewer_api.render.segmented_palette import expanded_segments

_COLOURS = ("Red", "Green", "Blue")


def palette_colours(header: Dataset, values: NDArray[Any]) -> NDArray[np.uint8]:
    """RGB `(*values.shape, 3)` of stored values; those beyond either end take the colour at that end.

    Raises `Invalid` if a table is missing or a segmented one is broken.
    """
    tables = [_table(header, colour, signed=values.dtype.kind == "i") for colour in _COLOURS]
    # Entries that claim 16 bits and never exceed 8 are a known slip; taken at their word all would be black.
    low_bytes = all(int(table.entries.max()) <= 0xFF for table in tables)
    shift = 0 if low_bytes else 8
    return np.stack([(table(values) >> shift).astype(np.uint8) for table in tables], axis=-1)


def _table(header: Dataset, colour: str, *, signed: bool) -> LookupTable:
    """One colour's table; 8-bit entries stay below 256."""
    keyword = f"{colour}PaletteColorLookupTableDescriptor"
    descriptor = attributes.numbers(header, keyword)
    if len(descriptor) != 3:
        raise Invalid(f"{tag_name(keyword)} is missing or has not three values")
    count, bits = entry_count(descriptor[0]), int(descriptor[2])
    data = f"{colour}PaletteColorLookupTableData"
    if attributes.has_value(header, data):
        words = table_words(header, header, data)
        entries = _entries(words, count, bits)
    else:
        segmented = f"Segmented{colour}PaletteColorLookupTableData"
        words = table_words(header, header, segmented)
        entries = expanded_segments(_segments(words, bits), wide=bits > 8, keyword=segmented)
    return LookupTable(entries[:count], first_mapped(descriptor[1], signed=signed), bits)


def _entries(words: NDArray[Any], count: int, bits: int) -> NDArray[Any]:
    """8-bit entries lie two in a word (low byte first), or one in a word where the table is long enough."""
    if bits > 8 or len(words) >= count:
        return words
    return words.astype("<u2").view(np.uint8).astype(np.uint16)


def _segments(words: NDArray[Any], bits: int) -> list[int]:
    """Segments of 8-bit tables are bytes, those of 16-bit tables are words."""
    places = words if bits > 8 else words.astype("<u2").view(np.uint8)
    return [int(each) for each in places]

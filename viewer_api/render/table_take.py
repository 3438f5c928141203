"""Table look-up by 8-bit and 16-bit integers, in slices that stay in the processor's cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICE = 1 << 17
"""Pixels at a time; numpy widens indices to 64 bits, which for a whole frame would be eight times its size."""


def table_take(table: NDArray[np.uint8], values: NDArray[Any]) -> NDArray[np.uint8]:
    """`table` `(n, ...)` at each bit pattern of `values`; of the shape of `values`, plus the table's rest."""
    index = _bit_patterns(values)
    taken = np.empty((index.size, *table.shape[1:]), np.uint8)
    for start in range(0, index.size, _SLICE):
        # All patterns are in the table; "clip" only spares numpy a second look at each.
        part = slice(start, start + _SLICE)
        np.take(table, index[part], axis=0, out=taken[part], mode="clip")
    return taken.reshape(*values.shape, *table.shape[1:])


def values_present(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values that occur, `(n,)`, of the same dtype."""
    index = _bit_patterns(values)
    seen = np.zeros(1 << (8 * index.dtype.itemsize), np.bool_)
    for start in range(0, index.size, _SLICE):
        seen[index[start : start + _SLICE]] = True
    return np.flatnonzero(seen).astype(index.dtype).view(values.dtype)


def _bit_patterns(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").reshape(-1)

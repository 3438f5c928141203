"""A regular lattice of points in patient coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Grid:
    """Points z x y x x: three ascending axes in mm, patient coordinates (x left, y back, z head; PS3.3 C.7.6.2.1.1)."""

    z: Array
    y: Array
    x: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return len(self.z), len(self.y), len(self.x)

    @property
    def edge_mm(self) -> float:
        """How wide a boundary is drawn, so that it shows partial volume and no steps."""
        return 1.1 * sorted(_step(axis) for axis in (self.z, self.y, self.x) if len(axis) > 1)[1]

    def open(self) -> tuple[Array, Array, Array]:
        """The axes as (x, y, z), shaped to broadcast to (slices, rows, columns)."""
        return self.x[None, None, :], self.y[None, :, None], self.z[:, None, None]

    def box(self, low: Point, high: Point) -> Box | None:
        """The index box that holds all points between two corners (x, y, z) in mm; None when there is none."""
        found = tuple(
            slice(int(np.searchsorted(axis, a)), int(np.searchsorted(axis, b, "right")))
            for axis, a, b in zip((self.z, self.y, self.x), low[::-1], high[::-1], strict=True)
        )
        return None if any(s.start >= s.stop for s in found) else (found[0], found[1], found[2])

    def crop(self, box: Box) -> Grid:
        """The part of the lattice inside an index box."""
        return Grid(self.z[box[0]], self.y[box[1]], self.x[box[2]])

    def coarse(self, factor: int) -> Grid:
        """Every `factor`-th row and column, and one more beyond the end, for `refine` to fill between."""
        return Grid(self.z, _thin(self.y, factor), _thin(self.x, factor))


def lattice(z: tuple[float, float, int], y: tuple[float, float, int], x: tuple[float, float, int]) -> Grid:
    """A lattice from (first mm, step mm, count) of each axis."""
    return Grid(
        *(
            np.float32(first) + np.float32(step) * np.arange(n, dtype=np.float32)
            for first, step, n in (z, y, x)
        )
    )


def refine(coarse: Array, fine: Grid, factor: int) -> Array:
    """Values on `fine.coarse(factor)` -> values on `fine`, linear between; `factor` is a power of two."""
    while factor > 1:
        coarse = _double(_double(coarse, 1), 2)
        factor //= 2
    return coarse[:, : len(fine.y), : len(fine.x)]


def _double(values: Array, axis: int) -> Array:
    moved = np.moveaxis(values, axis, 0)
    n = len(moved)
    out = np.empty((2 * n - 1, *moved.shape[1:]), np.float32)
    out[::2] = moved
    np.add(moved[:-1], moved[1:], out=out[1::2])
    out[1::2] *= np.float32(0.5)
    return np.moveaxis(out, 0, axis)


def _thin(axis: Array, factor: int) -> Array:
    count = (len(axis) - 1 + factor - 1) // factor + 1
    return np.asarray(
        axis[0] + np.float32(_step(axis) * factor) * np.arange(count, dtype=np.float32), np.float32
    )


def _step(axis: Array) -> float:
    return float(axis[1] - axis[0]) if len(axis) > 1 else 1.0

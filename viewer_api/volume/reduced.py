"""A smaller, regular copy of a volume, for looking through all of it from an angle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer_api.volume.grid import Grid
from viewer_api.volume.slab import Method
from viewer_api.volume.vectors import Vector
from viewer_api.volume.volume import Volume

FINE, COARSE = 512, 256
"""Voxels along each axis: for one projection, and for what must be quick, or gains by averaging out noise."""


@dataclass(frozen=True)
class Reduced:
    """`voxels` `(slices, rows, columns)` are stored values as the volume has them, spaced evenly; the columns of
    `steps` `(3, 3)` are mm from one to the next along each axis, which need not be at right angles."""

    voxels: NDArray[Any]
    origin: Vector
    steps: NDArray[np.float64]

    @property
    def voxel_mm(self) -> float:
        """The finest distance of voxels."""
        return float(np.linalg.norm(self.steps, axis=0).min())


def reduced(volume: Volume, method: Method, max_side: int) -> Reduced:
    """Of blocks of voxels the brightest or darkest for projections of these, else the mean; made once for a volume."""
    how = {"MAXIMUM_IP": "max", "MINIMUM_IP": "min"}.get(method, "mean")
    made: Reduced = volume.derived(f"{how} {max_side}", lambda: _made(volume, how, max_side))
    return made


def reduced_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    """Memory that a fine and a coarse copy take; voxels that are few enough are not copied."""
    copies = [
        [side // factor for side, factor in zip(shape, _factors(shape, most), strict=True)]
        for most in (FINE, COARSE)
    ]
    return sum(math.prod(copy) * itemsize for copy in copies if tuple(copy) != tuple(shape))


def _factors(shape: tuple[int, ...], max_side: int) -> list[int]:
    return [-(-side // max_side) for side in shape]


def _made(volume: Volume, how: str, max_side: int) -> Reduced:
    grid = volume.grid
    factors = _factors(grid.shape, max_side)
    voxels = _blocks(volume.voxels, factors, _COMBINE[how], how == "mean")
    depths = _centres(grid.depths, factors[0])
    aside = np.stack([_centres(each, factors[0]) for each in grid.shifts.T], axis=1)
    if not grid.regular:
        voxels, depths, aside = _evened(voxels, depths, aside)
    return Reduced(voxels, *_frame(grid, factors, depths, aside))


_COMBINE: dict[str, Callable[..., NDArray[Any]]] = {"max": np.maximum, "min": np.minimum, "mean": np.add}


def _blocks(
    voxels: NDArray[Any], factors: list[int], combine: Callable[..., NDArray[Any]], is_mean: bool
) -> NDArray[Any]:
    """Blocks of `factors` voxels as one; what is left over at the far ends is left out."""
    if factors == [1, 1, 1]:
        return voxels
    shape = [side // factor for side, factor in zip(voxels.shape, factors, strict=True)]
    found = np.empty(shape, voxels.dtype)
    for index in range(shape[0]):
        block = voxels[index * factors[0] : (index + 1) * factors[0]]
        parts = [
            part[row : shape[1] * factors[1] : factors[1], column : shape[2] * factors[2] : factors[2]]
            for part in block
            for row in range(factors[1])
            for column in range(factors[2])
        ]
        total = parts[0].astype(np.float32) if is_mean else parts[0].copy()
        for part in parts[1:]:
            combine(total, part, out=total)
        found[index] = _mean(total, len(parts), found.dtype) if is_mean else total
    return found


def _mean(total: NDArray[np.float32], count: int, dtype: np.dtype[Any]) -> NDArray[np.float32]:
    mean = total / np.float32(count)
    return np.asarray(np.rint(mean) if dtype.kind in "iu" else mean)


def _centres(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """The means of runs of values."""
    count = len(values) // factor
    return np.asarray(values[: count * factor].reshape(count, factor).mean(axis=1))


def _evened(
    voxels: NDArray[Any], depths: NDArray[np.float64], aside: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """The same at even depths."""
    even = np.linspace(depths[0], depths[-1], len(depths))
    index = np.interp(even, depths, np.arange(len(depths)))
    below = np.minimum(index.astype(int), len(depths) - 2)
    found = np.empty_like(voxels)
    for place, (low, weight) in enumerate(zip(below, index - below, strict=True)):
        found[place] = voxels[low] * np.float32(1 - weight) + voxels[low + 1] * np.float32(weight)
    moved = np.stack([np.interp(even, depths, each) for each in aside.T], axis=1)
    return found, even, moved


def _frame(
    grid: Grid, factors: list[int], depths: NDArray[np.float64], aside: NDArray[np.float64]
) -> tuple[Vector, NDArray[np.float64]]:
    """The first voxel's place, and the steps; slices that are shifted unevenly are taken as shifted evenly."""
    axes = np.array(grid.axes).T
    count = max(len(depths) - 1, 1)
    along = np.array([depths[-1] - depths[0], *(aside[-1] - aside[0])]) / count
    steps = np.stack(
        [
            axes @ along,
            axes[:, 1] * grid.spacing[0] * factors[1],
            axes[:, 2] * grid.spacing[1] * factors[2],
        ],
        axis=1,
    )
    inner = [(factor - 1) / 2 * mm for factor, mm in zip(factors[1:], grid.spacing, strict=True)]
    first = np.array([depths[0], *(aside[0] + inner)])
    return grid.origin + axes @ first, steps

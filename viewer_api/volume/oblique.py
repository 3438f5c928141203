"""Planes at any angle, and through slices that are sheared: trilinear interpolation between eight voxels.

The picture is worked on in bands of rows, which stay in the processor's cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer_api.volume.grid import Grid
from viewer_api.volume.slab import Method
from viewer_api.volume.view_plane import ViewPlane
from viewer_api.volume.volume import Volume

_BAND = 32
MAX_STEPS = 96
"""Samples behind one another in a slab; in a thicker one they lie further apart."""


def oblique_samples(
    volume: Volume, plane: ViewPlane, thickness_mm: float, method: Method
) -> NDArray[np.float32]:
    """Stored values `(height, width)`; NaN where the plane, or all of a slab, lies outside of the volume."""
    steps = min(MAX_STEPS, 1 + math.ceil(thickness_mm / min(volume.grid.voxel_mm))) if thickness_mm > 0 else 1
    offsets = np.linspace(-thickness_mm / 2, thickness_mm / 2, steps) if steps > 1 else np.zeros(1)
    found = np.empty((plane.height, plane.width), np.float32)
    for first in range(0, plane.height, _BAND):
        rows = np.arange(first, min(first + _BAND, plane.height))
        found[rows[0] : rows[-1] + 1] = _band(volume, plane, rows, offsets, method)
    return found


def _band(
    volume: Volume, plane: ViewPlane, rows: NDArray[Any], offsets: NDArray[np.float64], method: Method
) -> NDArray[np.float32]:
    bases = [_lengths(volume.grid, plane, rows, axis) for axis in range(3)]
    slopes = [float(volume.grid.axes[axis] @ plane.forward) for axis in range(3)]
    samples = (
        _sampled(volume, [base + offset * slope for base, slope in zip(bases, slopes, strict=True)])
        for offset in offsets
    )
    found = next(samples)
    if method == "AVERAGE_IP":
        return _mean_of(found, list(samples))
    for each in samples:
        found = np.fmax(found, each) if method == "MAXIMUM_IP" else np.fmin(found, each)
    return found


def _mean_of(first: NDArray[np.float32], others: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Of the samples inside the volume."""
    total = np.nan_to_num(first)
    count = np.isfinite(first).astype(np.float32)
    for each in others:
        total += np.nan_to_num(each)
        count += np.isfinite(each)
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))


def _lengths(grid: Grid, plane: ViewPlane, rows: NDArray[Any], axis: int) -> NDArray[np.float64]:
    """Mm along an axis for each sample of some rows, `(rows, width)`."""
    direction = grid.axes[axis]
    across = plane.spacing_mm * float(direction @ plane.right) * np.arange(plane.width)
    along = plane.spacing_mm * float(direction @ plane.down) * rows
    return np.asarray(float(grid.along(plane.origin, axis)) + across + along[:, np.newaxis])


def _sampled(volume: Volume, lengths: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """At mm along the three axes."""
    grid = volume.grid
    index = grid.slice_index(lengths[0])
    row, column = lengths[1], lengths[2]
    if not grid.straight:
        shifts = [np.interp(lengths[0], grid.depths, grid.shifts[:, each]) for each in range(2)]
        row, column = row - shifts[0], column - shifts[1]
    return trilinear(volume.voxels, (index, row / grid.spacing[0], column / grid.spacing[1]))


def trilinear(
    voxels: NDArray[Any], indices: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
) -> NDArray[np.float32]:
    """Samples at indices with fractions, in float32; NaN further than half a voxel outside."""
    low, weight, outside = [], [], np.zeros(indices[0].shape, bool)
    for index, size in zip(indices, voxels.shape, strict=True):
        outside |= (index < -0.5) | (index > size - 0.5)
        inside = np.clip(index, 0, size - 1)
        below = np.minimum(inside.astype(np.intp), max(size - 2, 0))
        low.append(below)
        weight.append((inside - below).astype(np.float32))
    found = _blended(voxels, low, weight)
    found[outside] = np.nan
    return found


def _blended(voxels: NDArray[Any], low: list[Any], weight: list[Any]) -> NDArray[np.float32]:
    flat = voxels.reshape(-1)
    strides = (voxels.shape[1] * voxels.shape[2], voxels.shape[2], 1)
    steps = [stride if size > 1 else 0 for stride, size in zip(strides, voxels.shape, strict=True)]
    corner = low[0] * strides[0] + low[1] * strides[1] + low[2]

    def line(start: Any) -> NDArray[np.float32]:
        first = flat.take(start).astype(np.float32)
        return np.asarray(first + (flat.take(start + steps[2]) - first) * weight[2])

    def face(start: Any) -> NDArray[np.float32]:
        first = line(start)
        return np.asarray(first + (line(start + steps[1]) - first) * weight[1])

    first = face(corner)
    return np.asarray(first + (face(corner + steps[0]) - first) * weight[0])

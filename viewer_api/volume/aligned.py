"""Planes along the voxels' own axes: strided copies, and interpolation along one axis at a time.

A slab is projected along its axis before the picture is interpolated: between two columns of voxels there is the
mean of their projections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer_api.volume.grid import Grid
from viewer_api.volume.slab import Method
from viewer_api.volume.vectors import parallel
from viewer_api.volume.view_plane import ViewPlane
from viewer_api.volume.volume import Volume

_WHOLE = 1e-3
"""Indices this near to a voxel mean it."""


def is_aligned(grid: Grid, plane: ViewPlane) -> bool:
    """Whether the picture's directions are the voxels' own."""
    return grid.straight and all(_axis(grid, each) is not None for each in (plane.right, plane.down))


def aligned_samples(
    volume: Volume, plane: ViewPlane, thickness_mm: float, method: Method
) -> NDArray[np.float32]:
    """Stored values `(height, width)`; NaN where the plane lies outside of the volume."""
    grid = volume.grid
    right, down, forward = (_known_axis(grid, each) for each in (plane.right, plane.down, plane.forward))
    along = _indices(grid, forward, np.array([-thickness_mm / 2, thickness_mm / 2]), plane, plane.forward)
    found = _projected(volume, forward, float(along.min()), float(along.max()), method)
    if right < down:
        found = found.T
    columns = _indices(grid, right, plane.spacing_mm * np.arange(plane.width), plane, plane.right)
    rows = _indices(grid, down, plane.spacing_mm * np.arange(plane.height), plane, plane.down)
    return _resampled(_resampled(found, rows), columns, axis=1)


def _axis(grid: Grid, direction: NDArray[np.float64]) -> int | None:
    return next((axis for axis in range(3) if parallel(grid.axes[axis], direction)), None)


def _known_axis(grid: Grid, direction: NDArray[np.float64]) -> int:
    found = _axis(grid, direction)
    assert found is not None  # noqa: S101 - two axes are the voxels' own, so the third is
    return found


def _indices(
    grid: Grid,
    axis: int,
    lengths: NDArray[Any],
    plane: ViewPlane,
    direction: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Indices along an axis at `lengths` mm from the plane's origin in a direction."""
    mm = grid.along(plane.origin, axis) + lengths * float(grid.axes[axis] @ direction)
    return grid.slice_index(mm) if axis == 0 else mm / grid.spacing[axis - 1]


def _projected(volume: Volume, axis: int, low: float, high: float, method: Method) -> NDArray[Any]:
    """The voxels between two indices along an axis as one plane; NaN if there are none."""
    last = volume.voxels.shape[axis] - 1
    low, high = _snapped(max(low, -0.5), last), _snapped(min(high, last + 0.5), last)
    if high < low:
        return np.full(np.delete(volume.voxels.shape, axis), np.nan, np.float32)
    ends = [_between(volume.voxels, axis, each) for each in sorted({low, high})]
    inner = (int(np.floor(low)) + 1, int(np.ceil(high)) - 1)
    if inner[1] < inner[0] or len(ends) == 1:
        return _combined(ends, method)
    if method == "AVERAGE_IP":
        return _mean(volume, axis, low, high, ends)
    block = volume.voxels[_cut(axis, slice(inner[0], inner[1] + 1))]
    most = block.max(axis) if method == "MAXIMUM_IP" else block.min(axis)
    return _combined([*ends, most], method)


def _snapped(index: float, last: int) -> float:
    """Within half a voxel of the volume's border its outermost voxels go on."""
    nearest = round(index)
    return float(min(max(nearest if abs(index - nearest) < _WHOLE else index, 0), last))


def _combined(planes: Sequence[NDArray[Any]], method: Method) -> NDArray[Any]:
    found = planes[0]
    for each in planes[1:]:
        if method == "AVERAGE_IP":
            found = (found + each) / np.float32(2)
        else:
            found = np.maximum(found, each) if method == "MAXIMUM_IP" else np.minimum(found, each)
    return found


def _mean(volume: Volume, axis: int, low: float, high: float, ends: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The mean over the thickness, mm by mm: what lies between two voxels is on the line between them."""
    inner = np.arange(np.floor(low) + 1, np.ceil(high))
    nodes = np.concatenate([[low], inner, [high]])
    places = np.interp(nodes, np.arange(volume.grid.shape[0]), volume.grid.depths) if axis == 0 else nodes
    gaps = np.diff(places)
    weights = np.concatenate([[gaps[0]], gaps[:-1] + gaps[1:], [gaps[-1]]]) / (2 * gaps.sum())
    total = ends[0] * np.float32(weights[0]) + ends[1] * np.float32(weights[-1])
    if axis == 2:
        return _added_columns(total, volume.voxels[:, :, int(inner[0]) : int(inner[-1]) + 1], weights[1:-1])
    for index, weight in zip(inner.astype(int), weights[1:-1], strict=True):
        total += volume.voxels[_cut(axis, index)] * np.float32(weight)
    return total


def _added_columns(total: NDArray[Any], columns: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[Any]:
    """Columns lie side by side in memory: a slice at a time is read, not a column of all slices."""
    narrow = weights.astype(np.float32)
    for index, rows in enumerate(columns):
        total[index] += rows.astype(np.float32) @ narrow
    return total


def _between(voxels: NDArray[Any], axis: int, index: float) -> NDArray[Any]:
    """The plane at an index, between two planes of voxels where it has a fraction."""
    below = int(np.floor(index))
    first = voxels[_cut(axis, below)]
    weight = np.float32(index - below)
    if not weight:
        return np.asarray(first)
    return np.asarray(first * (1 - weight) + voxels[_cut(axis, below + 1)] * weight)


def _cut(axis: int, which: int | slice | NDArray[np.bool_]) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, which)


def _resampled(plane: NDArray[Any], indices: NDArray[np.float64], axis: int = 0) -> NDArray[np.float32]:
    """The plane at some indices along one of its axes, linear in between; NaN beyond half a voxel outside."""
    last = plane.shape[axis] - 1
    nearest = np.rint(indices)
    outside = (indices < -0.5 - _WHOLE) | (indices > last + 0.5 + _WHOLE)
    if np.all(np.abs(indices - nearest) < _WHOLE) and not outside.any():
        whole = np.clip(nearest, 0, last).astype(np.intp)
        taken = plane if np.array_equal(whole, np.arange(last + 1)) else plane.take(whole, axis)
        return taken.astype(np.float32, copy=False)
    found = _interpolated(plane.astype(np.float32, copy=False), np.clip(indices, 0, last), axis)
    found[_cut(axis, outside)] = np.nan
    return found


def _interpolated(plane: NDArray[np.float32], indices: NDArray[np.float64], axis: int) -> NDArray[np.float32]:
    below = np.clip(np.floor(indices).astype(np.intp), 0, max(plane.shape[axis] - 2, 0))
    above = np.minimum(below + 1, plane.shape[axis] - 1)
    weight = (indices - below).astype(np.float32)
    weight = weight[:, np.newaxis] if axis == 0 else weight
    found: NDArray[np.float32] = plane.take(above, axis)
    low = plane.take(below, axis)
    found -= low
    found *= weight
    found += low
    return found

"""The geometry of a volume: where each voxel lies, slices at their true places.

Nothing is taken from SliceThickness or SpacingBetweenSlices: distances follow from the positions, which may be
irregular; and slices may be shifted in their plane as they follow one another, as under a tilted gantry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid
from viewer_api.volume.source import SourceFrame
from viewer_api.volume.vectors import Vector

_STRAIGHT = 0.1
"""Shifts below this part of a pixel are rounding of positions."""
_REGULAR = 0.05
_MAX_GAP = 5.0
"""A gap this many times the usual one parts two volumes, between which nothing is known."""


@dataclass(frozen=True)
class Grid:
    """Voxels `(slices, rows, columns)`.

    `origin` is the centre of voxel (0, 0, 0); `axes` are the unit directions in which slices, rows and columns count;
    `depths` `(slices,)` are mm along the first axis from the origin, rising; `shifts` `(slices, 2)` are mm along the
    other two by which a slice lies aside; `spacing` is mm between rows and between columns.
    """

    origin: Vector
    axes: tuple[Vector, Vector, Vector]
    depths: NDArray[np.float64]
    shifts: NDArray[np.float64]
    spacing: tuple[float, float]
    shape: tuple[int, int, int]
    frame_of_reference_uid: str

    @property
    def slice_spacing(self) -> float:
        """The usual distance of slices, mm."""
        return float(np.median(np.diff(self.depths)))

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Usual distances along the three axes."""
        return self.slice_spacing, *self.spacing

    @property
    def straight(self) -> bool:
        """Whether slices lie one above the other."""
        return bool(np.all(np.abs(self.shifts) < _STRAIGHT * np.array(self.spacing)))

    @property
    def regular(self) -> bool:
        """Whether all slices have one distance."""
        gaps = np.diff(self.depths)
        return float(np.ptp(gaps)) <= 2 * _REGULAR * self.slice_spacing

    @property
    def tilt_degrees(self) -> float:
        """Between the way in which slices follow one another and their normal."""
        aside = float(np.linalg.norm(self.shifts[-1] - self.shifts[0]))
        return float(np.degrees(np.arctan2(aside, self.depths[-1] - self.depths[0])))

    @property
    def centre(self) -> Vector:
        """The centre of the middle voxel."""
        slices, rows, columns = self.shape
        return self.point(slices // 2, rows // 2, columns // 2)

    def point(self, slice_index: int, row: float, column: float) -> Vector:
        """Where a voxel's centre lies in the patient."""
        aside = self.shifts[slice_index] + (row * self.spacing[0], column * self.spacing[1])
        along = (self.depths[slice_index], *aside)
        return np.asarray(self.origin + np.array(along) @ np.array(self.axes))

    def corners(self) -> NDArray[np.float64]:
        """The outermost voxels' centres of each slice, `(slices * 4, 3)`."""
        _, rows, columns = self.shape
        ends = [(row, column) for row in (0, rows - 1) for column in (0, columns - 1)]
        indices = {0, len(self.depths) - 1} if self.straight else range(len(self.depths))
        return np.array([self.point(index, *end) for index in indices for end in ends])

    def along(self, points: NDArray[Any], axis: int) -> NDArray[np.float64]:
        """Mm along an axis from the origin for points `(..., 3)`."""
        return np.asarray((points - self.origin) @ self.axes[axis])

    def slice_index(self, depth: NDArray[Any]) -> NDArray[np.float64]:
        """Indices of slices, with fractions, at depths in mm; beyond the ends they go on at the usual distance."""
        inside = np.interp(depth, self.depths, np.arange(len(self.depths)))
        before = np.minimum(depth - self.depths[0], 0) / self.slice_spacing
        behind = np.maximum(depth - self.depths[-1], 0) / self.slice_spacing
        return np.asarray(inside + before + behind)

    def notices(self) -> list[str]:
        """What a reader must know of this geometry."""
        gaps = np.diff(self.depths)
        found = []
        if not self.regular:
            found.append(
                f"slices lie {gaps.min():.2f} to {gaps.max():.2f} mm apart: interpolated at their true places"
            )
        if not self.straight:
            found.append(
                f"slices are sheared by {self.tilt_degrees:.1f} degrees (gantry tilt): sampled at their true places"
            )
        return found


def grid_of(frames: Sequence[SourceFrame]) -> Grid:
    """Of frames sorted along their normal. Raises `Invalid` ``NOT_A_VOLUME`` where slices are too far apart."""
    first = frames[0].plane
    axes = (first.normal, first.column, first.row)
    aside = np.array([frame.plane.position for frame in frames]) - first.position
    depths = aside @ first.normal
    grid = Grid(
        first.position,
        axes,
        depths,
        np.stack([aside @ first.column, aside @ first.row], axis=1),
        first.spacing,
        (len(frames), *first.shape),
        first.frame_of_reference_uid,
    )
    _require_together(grid)
    return grid


def _require_together(grid: Grid) -> None:
    gaps = np.diff(grid.depths)
    if len(gaps) > 1 and float(gaps.max()) > _MAX_GAP * grid.slice_spacing:
        raise Invalid(
            f"slices lie {grid.slice_spacing:.1f} mm apart, but two of them {gaps.max():.1f} mm: this is no volume",
            code="NOT_A_VOLUME",
        )
    extent = np.array(grid.shape[1:]) * np.array(grid.spacing)
    if np.any(np.abs(np.diff(grid.shifts, axis=0)) > extent / 2):
        raise Invalid("the slices lie beside one another, not above: this is no volume", code="NOT_A_VOLUME")

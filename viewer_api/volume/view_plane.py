"""The picture's place in the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from viewer_api.volume.grid import Grid
from viewer_api.volume.vectors import Vector
from viewer_api.volume.view import View

MAX_SIDE = 2048
_EPSILON = 1e-6


@dataclass(frozen=True)
class ViewPlane:
    """`width` x `height` samples, `spacing_mm` apart both ways; `origin` is where the first one, above and on the
    left, lies in the patient."""

    origin: Vector
    right: Vector
    down: Vector
    forward: Vector
    spacing_mm: float
    width: int
    height: int

    def point(self, column: float, row: float) -> Vector:
        """Where a sample lies."""
        return self.origin + self.spacing_mm * (column * self.right + row * self.down)


@dataclass(frozen=True)
class Rectangle:
    """A part of the plane through `view.look_at`, its middle; mm."""

    view: View
    width_mm: float
    height_mm: float


def rectangle_plane(grid: Grid, rectangle: Rectangle) -> ViewPlane:
    """Samples that fill a rectangle, as far apart as the volume's finest voxels."""
    view, largest = rectangle.view, max(rectangle.width_mm, rectangle.height_mm)
    spacing = max(min(grid.voxel_mm), largest / MAX_SIDE)
    width, height = (max(1, round(each / spacing)) for each in (rectangle.width_mm, rectangle.height_mm))
    aside = (width - 1) / 2 * view.right + (height - 1) / 2 * view.down
    origin = view.look_at - spacing * aside
    return ViewPlane(origin, view.right, view.down, view.forward, spacing, width, height)


def view_plane(grid: Grid, view: View, spacing_mm: float | None = None) -> ViewPlane:
    """All of the volume as it is seen, from its outermost voxels' centres on, in the plane through `view.look_at`.

    Samples are as far apart as the volume's finest voxels, or further if there were more than `MAX_SIDE` of them.
    """
    seen = grid.corners() - view.look_at
    across, along = seen @ view.right, seen @ view.down
    extent = max(float(np.ptp(across)), float(np.ptp(along)))
    spacing = max(spacing_mm or min(grid.voxel_mm), extent / (MAX_SIDE - 1))
    origin = view.look_at + across.min() * view.right + along.min() * view.down
    width, height = (1 + math.floor(float(np.ptp(each)) / spacing + _EPSILON) for each in (across, along))
    return ViewPlane(origin, view.right, view.down, view.forward, spacing, width, height)


def turning_plane(grid: Grid, view: View, spacing_mm: float) -> ViewPlane:
    """A square about `view.look_at` that holds all of the volume from wherever it is seen."""
    reach = float(np.linalg.norm(grid.corners() - view.look_at, axis=1).max())
    spacing = max(spacing_mm, 2 * reach / (MAX_SIDE - 1))
    side = 1 + math.ceil(2 * reach / spacing)
    origin = view.look_at - (side - 1) / 2 * spacing * (view.right + view.down)
    return ViewPlane(origin, view.right, view.down, view.forward, spacing, side, side)


def depth_range(grid: Grid, view: View) -> tuple[float, float]:
    """How far the outermost voxels lie before and behind `view.look_at`, mm along the line of sight."""
    along = (grid.corners() - view.look_at) @ view.forward
    return float(along.min()), float(along.max())

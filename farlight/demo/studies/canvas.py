"""Tissues painted over one another on a lattice, each with a soft edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from farlight.demo.studies.grid import Array, Box, Grid, Point, refine
from farlight.demo.studies.tube import Bundle, Tube

Paint = float | Array | Callable[[Grid], Array]
Colour = Paint | Sequence[float]


@dataclass(frozen=True)
class Canvas:
    """`values` (channels, slices, rows, columns); a colour of several numbers is indexed by `channels`."""

    grid: Grid
    values: Array
    channels: tuple[int, ...]

    @classmethod
    def blank(cls, grid: Grid, background: Sequence[float], channels: Sequence[int] = (0,)) -> Canvas:
        """A canvas of one value per channel."""
        values = np.empty((len(channels), *grid.shape), np.float32)
        for layer, channel in zip(values, channels, strict=True):
            layer[:] = background[channel]
        return cls(grid, values, tuple(channels))

    def fill(self, distance_mm: Array, colour: Colour, box: Box | None = None) -> None:
        """Paint where the signed distance is negative; the edge is one pixel wide."""
        self.cover(coverage(distance_mm, self.grid.edge_mm), colour, box)

    def cover(self, share: Array, colour: Colour, box: Box | None = None) -> None:
        """Paint with a share from 0 to 1 for each point of the box."""
        area = box or (slice(None), slice(None), slice(None))
        for channel, values in zip(self.channels, self.values, strict=True):
            part = values[area]
            part += share * (self._paint(colour, channel, area) - part)

    def spread(self, distance_mm: Array, colour: float | Array, factor: int) -> None:
        """`fill` with a distance (and an array of values) known on the coarse lattice; only where it is near."""
        found = _near(distance_mm, 2 * self.grid.edge_mm)
        if found is None:
            return
        levels, rows, columns = found
        fine_rows, fine_columns = (
            slice(s.start * factor, min((s.stop - 1) * factor + 1, n))
            for s, n in zip((rows, columns), self.grid.shape[1:], strict=True)
        )
        box = (levels, fine_rows, fine_columns)
        area = self.grid.crop(box)
        paint = refine(colour[found], area, factor) if isinstance(colour, np.ndarray) else colour
        self.fill(refine(distance_mm[found], area, factor), paint, box)

    def ellipsoid(self, centre: Point, axes: Point, colour: Colour, turn: Array | None = None) -> None:
        """Paint an ellipsoid: centre and half axes (x, y, z) in mm, turned by a rotation matrix."""
        reach = axes if turn is None else (max(axes),) * 3
        box = self._box(centre, reach)
        if box is not None:
            self.fill(ellipsoid_distance(self.grid.crop(box), centre, axes, turn), colour, box)

    def tubes(self, tubes: Sequence[Tube] | Bundle, colour: Colour, grow_mm: float = 0.0) -> None:
        """Paint tubes, each made thicker by `grow_mm` (or thinner: hollow walls, marrow)."""
        bundle = tubes if isinstance(tubes, Bundle) else Bundle.of(tubes)
        for box, distance in bundle.pieces(self.grid, grow_mm):
            self.fill(distance, colour, box)

    def _box(self, centre: Point, reach: Point) -> Box | None:
        pad = self.grid.edge_mm
        return self.grid.box(
            (centre[0] - reach[0] - pad, centre[1] - reach[1] - pad, centre[2] - reach[2] - pad),
            (centre[0] + reach[0] + pad, centre[1] + reach[1] + pad, centre[2] + reach[2] + pad),
        )

    def _paint(self, colour: Colour, channel: int, area: Box) -> Array | np.float32:
        if callable(colour):
            return colour(self.grid.crop(_closed(area, self.grid)))
        if isinstance(colour, np.ndarray):
            return colour
        return np.float32(colour if isinstance(colour, int | float) else colour[channel])


def coverage(distance_mm: Array, edge_mm: float) -> Array:
    """Signed distance -> the share of the point that lies inside, 0 to 1."""
    share = np.asarray(distance_mm * np.float32(-1 / edge_mm), np.float32)
    share += np.float32(0.5)
    np.maximum(share, 0, out=share)
    np.minimum(share, 1, out=share)
    return share


def ellipsoid_distance(grid: Grid, centre: Point, axes: Point, turn: Array | None = None) -> Array:
    """Signed distance to an ellipsoid in mm, exact at the surface to first order."""
    dx, dy, dz = (axis - np.float32(c) for axis, c in zip(grid.open(), centre, strict=True))
    along = (dx, dy, dz) if turn is None else tuple(row[0] * dx + row[1] * dy + row[2] * dz for row in turn)
    near, steep = (
        sum(((a * np.float32(1 / r**power)) ** 2 for a, r in zip(along, axes, strict=True)), np.float32(1e-9))
        for power in (1, 2)
    )
    root = np.sqrt(near)
    return np.asarray(root * (root - 1) / np.sqrt(steep), np.float32)


def rotation(about_x: float = 0, about_y: float = 0, about_z: float = 0) -> Array:
    """A rotation matrix from three angles in degrees, applied in this order."""
    matrix = np.eye(3)
    for axis, angle in enumerate((about_x, about_y, about_z)):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        step = np.eye(3)
        step[i, i], step[i, j], step[j, i], step[j, j] = c, -s, s, c
        matrix = step @ matrix
    return matrix.astype(np.float32)


def union(a: Array, b: Array, blend_mm: float = 0) -> Array:
    """Signed distance of two bodies together, with a rounded seam."""
    if blend_mm <= 0:
        return np.asarray(np.minimum(a, b), np.float32)
    overlap = np.maximum(np.float32(blend_mm) - np.abs(a - b), 0)
    return np.asarray(np.minimum(a, b) - overlap * overlap * np.float32(0.25 / blend_mm), np.float32)


def common(a: Array, b: Array, blend_mm: float = 0) -> Array:
    """Signed distance of what two bodies share, with a rounded seam."""
    return -union(-a, -b, blend_mm)


def _near(distance_mm: Array, reach_mm: float) -> Box | None:
    """The index box, one point wider, of all that is inside or within reach."""
    near = distance_mm < reach_mm
    spans = []
    for axis in range(3):
        hit = np.flatnonzero(near.any(axis=tuple(k for k in range(3) if k != axis)))
        if not len(hit):
            return None
        spans.append(slice(max(int(hit[0]) - 1, 0), int(hit[-1]) + 2))
    return slice(spans[0].start, min(spans[0].stop, len(near))), spans[1], spans[2]


def _closed(area: Box, grid: Grid) -> Box:
    z, y, x = (slice(*part.indices(n)[:2]) for part, n in zip(area, grid.shape, strict=True))
    return z, y, x

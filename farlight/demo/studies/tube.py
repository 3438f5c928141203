"""Tapering tubes along a path: vessels, bronchi, ribs, bowel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from farlight.demo.studies.grid import Array, Box, Grid


@dataclass(frozen=True)
class Tube:
    """A path of points (x, y, z, radius) in mm; `flat` > 1 makes the section that many times as high (z) as thick."""

    path: Array
    flat: float = 1.0


@dataclass(frozen=True)
class Bundle:
    """The straight pieces of many tubes: (n, 4) starts and ends, (n,) flatness, in the order they are painted."""

    starts: Array
    ends: Array
    flat: Array

    @classmethod
    def of(cls, tubes: Sequence[Tube]) -> Bundle:
        """All pieces of some tubes."""
        return cls(
            np.concatenate([t.path[:-1] for t in tubes]),
            np.concatenate([t.path[1:] for t in tubes]),
            np.concatenate([np.full(len(t.path) - 1, t.flat, np.float32) for t in tubes]),
        )

    def pieces(self, grid: Grid, grow_mm: float) -> Iterator[tuple[Box, Array]]:
        """(index box, signed distance in mm) of every piece that touches the lattice, made thicker by `grow_mm`."""
        for k, box in self._boxes(grid, grow_mm + grid.edge_mm):
            yield box, self._distance(k, grid.crop(box), grow_mm)

    def _boxes(self, grid: Grid, pad_mm: float) -> Iterator[tuple[int, Box]]:
        reach = np.maximum(self.starts[:, 3], self.ends[:, 3]) + np.float32(pad_mm)
        lows, highs = [], []
        for axis, places in ((2, grid.z), (1, grid.y), (0, grid.x)):
            pad = reach * self.flat if axis == 2 else reach
            lows.append(np.searchsorted(places, np.minimum(self.starts[:, axis], self.ends[:, axis]) - pad))
            highs.append(np.searchsorted(places, np.maximum(self.starts[:, axis], self.ends[:, axis]) + pad))
        low, high = np.stack(lows, axis=1), np.stack(highs, axis=1)
        touching = np.flatnonzero((low < high).all(axis=1) & (reach > 0))
        for k, a, b in zip(touching.tolist(), low[touching].tolist(), high[touching].tolist(), strict=True):
            yield k, (slice(a[0], b[0]), slice(a[1], b[1]), slice(a[2], b[2]))

    def _distance(self, k: int, grid: Grid, grow_mm: float) -> Array:
        sx, sy, sz, wide = self.starts[k].tolist()
        ex, ey, ez, thin = self.ends[k].tolist()
        squeeze = 1 / float(self.flat[k])
        ax, ay, az = ex - sx, ey - sy, (ez - sz) * squeeze
        x, y, z = (
            grid.x - np.float32(sx),
            (grid.y - np.float32(sy))[:, None],
            (grid.z - np.float32(sz))[:, None, None],
        )
        z = z * np.float32(squeeze)
        scale = np.float32(1 / max(ax * ax + ay * ay + az * az, 1e-6))
        along = z * np.float32(az) + y * np.float32(ay) + x * np.float32(ax)
        t = np.minimum(np.maximum(along * scale, 0), 1)
        apart = (z * z + y * y + x * x) - t * (2 * along - t / scale)
        off = np.sqrt(np.maximum(apart, 0))
        return np.asarray(off - np.float32(wide + grow_mm) - t * np.float32(thin - wide), np.float32)


def tube(*points: tuple[float, float, float, float], steps: int = 6, flat: float = 1.0) -> Tube:
    """A smooth tube through points (x, y, z, radius), `steps` straight pieces from each point to the next."""
    return Tube(smooth_path(np.array(points, np.float32), steps), flat)


def smooth_path(knots: Array, steps: int) -> Array:
    """Catmull-Rom curve through knots (n, k)."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = (np.arange(steps, dtype=np.float32) / steps)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    return np.concatenate([curve.reshape(-1, knots.shape[1]), knots[-1:]]).astype(np.float32)


def mirrored(tubes: Sequence[Tube]) -> list[Tube]:
    """The same tubes on the other side of the body."""
    return [Tube(t.path * np.array([-1, 1, 1, 1], np.float32), t.flat) for t in tubes]

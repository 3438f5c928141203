"""X-rays through the torso: line integrals of attenuation, parallel or from a point."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from farlight.demo.studies.grid import Array, Grid, lattice
from farlight.demo.studies.torso.lung import Nodule
from farlight.demo.studies.torso.render import render_torso

_WATER_PER_MM = 0.0175
SOURCE_TO_DETECTOR_MM = 1800.0


def torso_for_projection(matrix: int) -> tuple[Grid, Array]:
    """The torso from the chin to the kidneys, HU; the lattice is fine enough for `matrix` pixels a side."""
    return _torso(1.6 if matrix >= 256 else 6.0)


@lru_cache(maxsize=1)
def _torso(step_mm: float) -> tuple[Grid, Array]:
    wide, tall, deep = (int(length / step_mm) for length in (440, 400, 130))
    y = (-126.0, 2 * step_mm, deep)
    parts = [part for part in np.array_split(np.arange(tall), max(1, tall // 12)) if len(part)]
    grids = [
        lattice((-176 + step_mm * part[0], step_mm, len(part)), y, (-219.0, step_mm, wide)) for part in parts
    ]
    with ThreadPoolExecutor(2) as pool:
        hu = np.concatenate(list(pool.map(lambda g: render_torso(g, Nodule(), table=False), grids)))
    return Grid(np.concatenate([g.z for g in grids]), grids[0].y, grids[0].x), hu


def attenuation(hu: Array) -> Array:
    """HU -> per mm; bone counts for more, as at the lower energies of a film."""
    mu = np.maximum(1 + hu * np.float32(0.001), 0)
    mu += np.maximum(hu - 120, 0) * np.float32(0.0018)
    return np.asarray(mu * np.float32(_WATER_PER_MM), np.float32)


def frontal_parallel(grid: Grid, mu: Array, pixel_mm: float) -> Array:
    """Seen from the front with parallel rays; (rows from the head down, columns to the patient's left)."""
    total = mu.sum(axis=1) * (grid.y[1] - grid.y[0])
    rows = np.arange(grid.z[-1], grid.z[0], -pixel_mm, dtype=np.float32)
    columns = np.arange(grid.x[0], grid.x[-1], pixel_mm, dtype=np.float32)
    return _resample(
        total, (rows - grid.z[0]) / (grid.z[1] - grid.z[0]), (columns - grid.x[0]) / (grid.x[1] - grid.x[0])
    )


def perspective(
    planes: Array, depth_mm: Array, axes: tuple[Array, Array], plate: tuple[Array, Array]
) -> Array:
    """Line integrals from a point: `planes` (n, rows, columns) lie `depth_mm` before the plate.

    A plane is as thick as its distance to the next. `axes` are the coordinates of rows and columns in the
    body, `plate` those on the detector, both in mm from the central ray.
    """
    thick = abs(float(depth_mm[1] - depth_mm[0]))
    steps = [float(axis[1] - axis[0]) for axis in axes]

    def one(k: int) -> Array:
        shrink = np.float32(1 - depth_mm[k] / SOURCE_TO_DETECTOR_MM)
        places = [(at * shrink - axis[0]) / step for at, axis, step in zip(plate, axes, steps, strict=True)]
        return _resample(planes[k], places[0], places[1])

    total = np.zeros((len(plate[0]), len(plate[1])), np.float32)
    with ThreadPoolExecutor(2) as pool:
        for image in pool.map(one, range(len(planes))):
            total += image
    return total * np.float32(thick)


def _resample(image: Array, rows: Array, columns: Array) -> Array:
    return _line(_line(image, rows).T, columns).T


def _line(image: Array, places: Array) -> Array:
    """Linear along the first axis; zero outside."""
    low = np.clip(np.floor(places).astype(np.int64), 0, len(image) - 2)
    share = np.clip(places - low, 0, 1).astype(np.float32)[:, None]
    inside = ((places > -0.5) & (places < len(image) - 0.5)).astype(np.float32)[:, None]
    near = image[low]
    return np.asarray((near + share * (image[low + 1] - near)) * inside, np.float32)

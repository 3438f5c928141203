"""Cerebrum with folded cortex, deep nuclei, ventricles, cerebellum and brain stem."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.canvas import Canvas, common, ellipsoid_distance, rotation, union
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.head import tissue
from farlight.demo.studies.head.skull import vault_distance
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.tube import Tube, mirrored, tube

_FOLDS = NoiseField.seeded(201, 15, narrow=True)
_FOLIA = NoiseField.seeded(202, 7, narrow=True)
_DRIFT = NoiseField.seeded(203, 60)
_REACH = NoiseField.seeded(204, 26)


def paint_brain(canvas: Canvas) -> None:
    """Everything inside the dura; the space around it must already be CSF."""
    drift = _DRIFT.sample(canvas.grid)
    _cerebrum(canvas, drift)
    _hindbrain(canvas, drift)
    _deep_nuclei(canvas)
    _ventricles(canvas)
    _falx_and_pineal(canvas)


def _cerebrum(canvas: Canvas, drift: Array) -> None:
    grid = canvas.grid
    outside = common(_cerebral_surface(grid) + 1.2 * drift, vault_distance(grid) + 2, 2)
    depth = -outside
    line = np.abs(_FOLDS.sample(grid) + 0.25 * drift) * 2.6
    sulci = np.maximum(
        line - np.clip(0.85 - depth * 0.03, 0.2, 1), depth - 16 + 2 * drift + 4.5 * _REACH.sample(grid)
    )
    cleft = common(_cleft(grid), outside)
    sylvian = _sylvian(grid)
    grooves = union(union(sulci, cleft), sylvian)
    canvas.fill(outside, tissue.GREY)
    canvas.fill(np.maximum(3.1 - depth, 2.7 - grooves), tissue.WHITE)
    canvas.fill(np.maximum(grooves, outside), tissue.CSF)


def _cerebral_surface(grid: Grid) -> Array:
    x, y, z = grid.open()
    hemispheres = ellipsoid_distance(grid, (0, 0, 13), (66.5, 83.5, 63))
    fossa = -41 + 0.010 * (y + 2) ** 2
    frontal = -17 - 0.003 * (np.abs(x) - 25) ** 2
    tent = -20 + 15 * np.exp(-((x / 26) ** 2)) - 0.04 * (y - 30)
    share_front = np.clip((-26 - y) / 12, 0, 1)
    share_back = np.clip((y - 22) / 16, 0, 1)
    floor = fossa + share_front * (frontal - fossa) + share_back * (tent - fossa)
    middle = np.clip((24 - np.abs(x)) / 10, 0, 1) * (1 - share_front) * (1 - share_back)
    floor = floor + middle * (-12 - floor)
    return common(hemispheres, np.asarray(floor - z, np.float32) * 0.9, 8)


def _cleft(grid: Grid) -> Array:
    """The fissure between the hemispheres, kept apart by the callosal body and what lies below it."""
    x, _, _ = grid.open()
    bridge = union(
        ellipsoid_distance(grid, (0, 0, 16), (24, 40, 17)),
        ellipsoid_distance(grid, (0, 6, -6), (24, 26, 18)),
        6,
    )
    return common(np.asarray(np.abs(x) - 1.5, np.float32), 3.5 - bridge)


def _sylvian(grid: Grid) -> Array:
    x, y, z = grid.open()
    side = np.abs(x)
    sheet = np.abs(z - 3 - 0.30 * (y + 10) - 0.05 * (side - 40)) - 1.3
    outer = np.maximum(sheet, np.maximum(35 - side, np.abs(y + 6) - 27))
    insula = np.maximum(
        np.abs(side - 39 + 0.006 * (y + 4) ** 2 + 0.01 * (z - 3) ** 2) - 1.0,
        np.hypot((y + 4) * 0.62, z - 4) - 14,
    )
    return np.asarray(np.minimum(outer, insula), np.float32)


def _hindbrain(canvas: Canvas, drift: Array) -> None:
    grid = canvas.grid
    lobes = union(
        ellipsoid_distance(grid, (-25, 46, -35), (29, 29, 19)),
        ellipsoid_distance(grid, (25, 46, -35), (29, 29, 19)),
        8,
    )
    lobes = union(lobes, ellipsoid_distance(grid, (0, 47, -27), (13, 25, 22)), 6)
    lobes = common(lobes, vault_distance(grid) + 2.5, 4)
    folia = np.abs(_FOLIA.sample(grid)) * 1.2
    canvas.fill(lobes, tissue.GREY)
    canvas.fill(np.maximum(lobes + 7 + 2 * drift, 1.0 - folia), tissue.WHITE)
    canvas.fill(np.maximum(np.maximum(lobes, folia - 0.22), -lobes - 9), tissue.CSF)
    stem = tube(
        (0, 6, -4, 13),
        (0, 12, -16, 13.5),
        (0, 17, -30, 14.5),
        (0, 24, -46, 10),
        (0, 30, -70, 7),
        (0, 32, -100, 6.5),
    )
    canvas.tubes([stem], tissue.WHITE)
    peduncles = [tube((6, 18, -28, 7), (16, 34, -32, 7.5), (22, 44, -36, 7))]
    canvas.tubes(peduncles + mirrored(peduncles), tissue.WHITE)
    canvas.ellipsoid((0, 33.5, -30), (8, 4.5, 8), tissue.CSF)
    canvas.ellipsoid((0, 24, -10), (14, 5, 5), tissue.CSF)
    canvas.ellipsoid((0, -9, -17), (13, 9, 5), tissue.CSF)
    canvas.ellipsoid((0, -8, -15), (5, 2.4, 2.4), tissue.WHITE)


def _deep_nuclei(canvas: Canvas) -> None:
    for side in (-1.0, 1.0):
        tilt = rotation(about_z=-22 * side)
        canvas.ellipsoid((11.5 * side, 9, 7), (8.5, 15, 9.5), tissue.DEEP_GREY, tilt)
        canvas.ellipsoid((26 * side, -3, 4), (6.5, 19, 11), tissue.DEEP_GREY, rotation(about_z=12 * side))
        canvas.ellipsoid((20.5 * side, 0, 2), (4.6, 11, 7), tissue.PALLIDUM, rotation(about_z=24 * side))
        canvas.ellipsoid((13.5 * side, -23, 12), (5.5, 9.5, 10), tissue.DEEP_GREY, tilt)
        canvas.ellipsoid((6 * side, 13, -11), (4, 4, 4), tissue.PALLIDUM)
    tails = [tube((14, -14, 20, 4.4), (17, 4, 27, 3.6), (21, 22, 24, 2.6))]
    canvas.tubes(tails + mirrored(tails), tissue.DEEP_GREY)


def _ventricles(canvas: Canvas) -> None:
    half = [
        tube(
            (7, -35, 9, 3.4),
            (7.5, -26, 15, 5),
            (8, -10, 23, 5),
            (11, 10, 25, 5.4),
            (19, 27, 18, 7),
            flat=1.15,
        ),
        tube((19, 27, 18, 7), (19, 40, 15, 5), (15, 54, 13, 2.4)),
        tube((19, 27, 18, 6.4), (28, 24, 4, 4.4), (31, 10, -10, 2.6), (29, -2, -15, 2)),
    ]
    canvas.tubes(half + mirrored(half), tissue.CSF)
    canvas.ellipsoid((0, -12, 19), (1.0, 14, 8), tissue.WHITE)
    canvas.ellipsoid((0, 6, 3), (2.4, 15, 10), tissue.CSF)
    canvas.ellipsoid((0, 29, 2), (9, 4.5, 6), tissue.CSF)
    plexus: list[Tube] = [tube((17, 25, 19, 2.2), (20, 30, 15, 2.8), (22, 30, 10, 2))]
    canvas.tubes(plexus + mirrored(plexus), tissue.GREY)
    canvas.tubes(plexus + mirrored(plexus), tissue.CALCIUM, grow_mm=-1.5)


def _falx_and_pineal(canvas: Canvas) -> None:
    x, _, z = canvas.grid.open()
    vault = ellipsoid_distance(canvas.grid, (0, 0, 13), (69, 86, 66))
    falx = common(np.asarray(np.abs(x) - 0.6, np.float32), common(vault, 5 - _bridge(canvas.grid)))
    canvas.fill(np.maximum(falx, -8 - z).astype(np.float32), tissue.DURA)
    sinus = tube(
        (0, -66, 44, 1.5),
        (0, -30, 70, 2.5),
        (0, 20, 76, 3.5),
        (0, 60, 54, 4),
        (0, 80, 16, 4.5),
        (0, 82, 2, 5),
    )
    canvas.tubes([sinus], tissue.DURA)
    canvas.ellipsoid((0, 26, 4), (2.6, 3.4, 2.4), tissue.CALCIUM)


def _bridge(grid: Grid) -> Array:
    return union(
        ellipsoid_distance(grid, (0, 2, 14), (24, 42, 19)),
        ellipsoid_distance(grid, (0, 20, -14), (40, 34, 24)),
        6,
    )

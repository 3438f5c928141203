"""Skin, fat, muscle and the table beneath."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.canvas import Canvas, common, coverage
from farlight.demo.studies.grid import Array, refine
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.torso.shape import TorsoShape

SKIN, FAT, MUSCLE = 20.0, -102.0, 56.0
_FIBRES = NoiseField.seeded(12, 14)
_PATCHES = NoiseField.seeded(13, 75)


def paint_wall(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    """Everything from the skin to the inside of the ribs."""
    canvas.spread(shape.skin, SKIN, factor)
    canvas.spread(shape.skin + 1.8, FAT, factor)
    flesh = shape.skin + shape.fat_mm + 1.8
    canvas.spread(flesh, MUSCLE, factor)
    canvas.cover(refine(_septa(shape, flesh), canvas.grid, factor), FAT)


def _septa(shape: TorsoShape, flesh: Array) -> Array:
    """Share of fat in the planes between the layers of muscle, and between its fibres."""
    x, y, z = shape.grid.open()
    depth = np.clip(shape.cage / np.maximum(shape.cage - flesh, 1), 0, 1)
    thick = np.maximum(shape.cage - flesh, 0)
    fibres = _FIBRES.sample(shape.grid)
    patchy = np.clip(0.55 + 0.6 * _PATCHES.sample(shape.grid), 0, 1).astype(np.float32)
    outer = np.abs(depth - 0.58 - 0.12 * shape.waves) * thick - 1.4 * patchy
    inner = np.abs(depth - 0.27 - 0.08 * fibres) * thick - 1.2 * (1 - patchy)
    outer = coverage(outer.astype(np.float32), 3) * patchy
    inner = coverage(inner.astype(np.float32), 3) * (1 - patchy)
    strands = coverage(np.asarray(0.55 - np.abs(fibres), np.float32), 0.6)
    share = np.maximum(np.maximum(outer, 0.8 * inner), 0.14 * (1 - strands))
    away = np.sqrt(((np.abs(x) - 132) / 24) ** 2 + ((y - 4) / 30) ** 2 + ((z - 122) / 34) ** 2)
    armpit = np.asarray((away - 1 + 0.15 * fibres) * 22, np.float32)
    share = np.maximum(share, coverage(armpit, 6))
    within = coverage(common(flesh, -shape.cage - 2), 4) * np.clip(thick / 9, 0, 1)
    return np.asarray(share * within, np.float32)


def paint_table(canvas: Canvas) -> None:
    """A curved carbon-fibre table with a foam mattress; the body lies on it."""
    box = canvas.grid.box((-500, 80, -500), (500, 500, 500))
    if box is None:
        return
    x, y, _ = canvas.grid.crop(box).open()
    top = 131 - x * x * np.float32(1 / 1500)
    inside = np.maximum(np.maximum(top - y, y - top - 34), np.abs(x) - 205).astype(np.float32)
    foam = np.maximum(top - 12 - y, y - top - 2).astype(np.float32)
    under = np.clip(y - 85, 0, 1) * np.clip((-canvas.values[0][box] - 500) / 300, 0, 1)
    for distance, hu in ((foam, -925.0), (inside, -240.0), (inside + 1.6, -945.0)):
        canvas.cover(coverage(distance, canvas.grid.edge_mm) * under, hu, box)

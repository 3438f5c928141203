"""The torso on any lattice."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.canvas import Canvas
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.torso.abdomen import paint_abdomen
from farlight.demo.studies.torso.bone import paint_bones
from farlight.demo.studies.torso.lung import AIR, Nodule, paint_lungs, paint_nodule
from farlight.demo.studies.torso.mediastinum import paint_mediastinum
from farlight.demo.studies.torso.shape import TorsoShape
from farlight.demo.studies.torso.wall import paint_table, paint_wall


def render_torso(grid: Grid, nodule: Nodule | None, table: bool = True) -> Array:
    """HU without noise, (slices, rows, columns)."""
    factor = _coarseness(grid)
    shape = TorsoShape(grid.coarse(factor))
    canvas = Canvas.blank(grid, [AIR])
    paint_wall(canvas, shape, factor)
    paint_lungs(canvas, shape, factor)
    paint_abdomen(canvas, shape, factor)
    paint_mediastinum(canvas, shape, factor)
    paint_bones(canvas)
    if nodule is not None:
        paint_nodule(canvas, nodule)
    if table:
        paint_table(canvas)
    return np.asarray(canvas.values[0], np.float32)


def _coarseness(grid: Grid) -> int:
    """The large surfaces are smooth enough to be known every 6 mm only, at most every fourth point."""
    widest = max(float(axis[1] - axis[0]) for axis in (grid.y, grid.x))
    return next(factor for factor in (4, 2, 1) if factor * widest < 6.5 or factor == 1)

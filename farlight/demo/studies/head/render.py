"""The head on any lattice, whole or with what brought the patient here."""

from __future__ import annotations

from collections.abc import Sequence

from farlight.demo.studies.canvas import Canvas, ellipsoid_distance, rotation, union
from farlight.demo.studies.grid import Array, Grid, Point
from farlight.demo.studies.head import tissue
from farlight.demo.studies.head.brain import paint_brain
from farlight.demo.studies.head.skull import paint_skull
from farlight.demo.studies.noise import NoiseField

BLEED_CENTRE: Point = (29.0, 2.0, 9.0)
BLEED_AXES: Point = (12.0, 20.0, 14.0)
LESION_CENTRE: Point = (-27.0, -16.0, 27.0)
LESION_RADIUS_MM = 4.2
_RAGGED = NoiseField.seeded(221, 16)


def render_head(grid: Grid, contrasts: Sequence[int], bleed: bool = False, lesion: bool = False) -> Array:
    """(contrasts, slices, rows, columns); a contrast is an index into a tissue's look: 0 HU, 1 T1, 2 T2, 3 FLAIR."""
    canvas = Canvas.blank(grid, tissue.AIR, contrasts)
    paint_skull(canvas)
    paint_brain(canvas)
    if bleed:
        _paint_bleed(canvas)
    if lesion:
        _paint_lesions(canvas)
    return canvas.values


def _paint_bleed(canvas: Canvas) -> None:
    """A fresh bleed in the left basal ganglia, its oedema, and blood in the ventricle beside it."""
    grid = canvas.grid
    clot = ellipsoid_distance(grid, BLEED_CENTRE, BLEED_AXES, rotation(about_z=14)) + 1.7 * _RAGGED.sample(
        grid
    )
    second = ellipsoid_distance(grid, (33, 16, 14), (8, 10, 8)) + 1.5 * _RAGGED.sample(grid)
    clot = union(clot, second, 4)
    canvas.fill(clot - 5.5, tissue.OEDEMA)
    canvas.fill(clot, tissue.BLEED)
    canvas.ellipsoid((17, 45, 14), (4, 9, 4), tissue.BLEED)


def _paint_lesions(canvas: Canvas) -> None:
    radius = LESION_RADIUS_MM
    canvas.ellipsoid(LESION_CENTRE, (radius, radius * 1.3, radius), tissue.LESION)
    for x, y, z in ((24, -24, 26), (-21, 30, 29), (23, 20, 33)):
        canvas.ellipsoid((x, y, z), (1.8, 2.2, 2), tissue.LESION)

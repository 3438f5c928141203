"""CT of the head in an emergency: a fresh bleed in the left basal ganglia."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
from pydicom import FileDataset

from farlight.demo.studies.ct_image import BONE, BRAIN, CTTechnique, ct_slice
from farlight.demo.studies.dataset import Exam, SeriesFacts
from farlight.demo.studies.grid import Array, Grid, refine
from farlight.demo.studies.head.render import render_head
from farlight.demo.studies.noise import grain, mixed_grain
from farlight.demo.studies.patient import AKSU, IBRAHIM
from farlight.demo.studies.volume import Stack, slabs

TOP_MM, LENGTH_MM, FIELD_MM, CENTRE_Y_MM = 87.0, 150.0, 240.0, -2.0
_GRAIN_HU = 3.4


def head_exam(today: date) -> Exam:
    """Last night, from the emergency department."""
    day = today - timedelta(days=1)
    description = "急诊头颅CT平扫 Emergency CT head without contrast"
    return Exam(
        "ct-head", IBRAHIM, AKSU, day, "231706", "AS26111900412", description, "HEAD", "Zhou^Min=周^敏"
    )


def ct_head(exam: Exam, matrix: int = 512, slices: int = 30) -> Iterator[FileDataset]:
    """Axial slices from the vertex down to the base of the skull."""
    stack = Stack(TOP_MM, LENGTH_MM / slices, slices, FIELD_MM, matrix, CENTRE_Y_MM)
    series = SeriesFacts(2, "CT", "头颅平扫 Head 5 mm", "Head Routine", "Far CT 16", "231901")
    technique = CTTechnique("H31", 120, 250, 300, round(stack.spacing_mm, 3))
    pool = [grain(40 + seed, matrix * 3 // 2, 0.6) for seed in range(4)]
    for index, hu in slabs(stack, 3, _thick_slices):
        noisy = hu + np.float32(_GRAIN_HU) * mixed_grain(pool, 7000 + index, (matrix, matrix))
        yield ct_slice(exam, series, technique, (BRAIN, BONE), stack, index, noisy)


def _thick_slices(grid: Grid) -> Array:
    """Two thin slices averaged, drawn at half the matrix: the blur of a soft kernel and thick collimation."""
    factor = 2 if len(grid.x) >= 256 else 1
    coarse = grid.coarse(factor)
    thin = [
        render_head(Grid(coarse.z + shift, coarse.y, coarse.x), (0,), bleed=True)[0] for shift in (-1.0, 1.0)
    ]
    return refine((thin[0] + thin[1]) * np.float32(0.5), grid, factor)

"""Slices rendered in slabs, two at a time, from the head down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from farlight.demo.studies.grid import Array, Grid, lattice


@dataclass(frozen=True)
class Stack:
    """Square axial slices: z of the uppermost, spacing, field of view and its centre, in mm."""

    top_mm: float
    spacing_mm: float
    slices: int
    field_mm: float
    matrix: int
    centre_y_mm: float = 0.0

    @property
    def pixel_mm(self) -> float:
        """Distance between pixel centres."""
        return self.field_mm / self.matrix

    @property
    def corner_mm(self) -> tuple[float, float]:
        """(x, y) of the centre of the first pixel."""
        first = -self.field_mm / 2 + self.pixel_mm / 2
        return first, first + self.centre_y_mm

    def z_mm(self, index: int) -> float:
        """Height of a slice; index 0 is the uppermost."""
        return self.top_mm - self.spacing_mm * index

    def grid(self, first: int, count: int) -> Grid:
        """The lattice of some slices, lowest first."""
        x, y = self.corner_mm
        low = self.z_mm(first + count - 1)
        step = self.pixel_mm
        return lattice((low, self.spacing_mm, count), (y, step, self.matrix), (x, step, self.matrix))


def slabs(stack: Stack, thickness: int, render: Callable[[Grid], Array]) -> Iterator[tuple[int, Array]]:
    """(index, slice) from the uppermost down; `render` gives (slices, rows, columns), lowest first."""
    spans = [(first, min(thickness, stack.slices - first)) for first in range(0, stack.slices, thickness)]
    with ThreadPoolExecutor(2) as pool:
        rendered = pool.map(lambda span: render(stack.grid(*span)), spans)
        for (first, count), values in zip(spans, rendered, strict=True):
            for offset in range(count):
                yield first + offset, values[count - 1 - offset]

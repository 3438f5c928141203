"""Where in the patient a frame lies (PS3.3 C.7.6.2.1.1), to tell whether one may be laid over another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PARALLEL = 0.01
_SMALLEST_MM = 0.1


@dataclass(frozen=True)
class Plane:
    """`position` mm of the first pixel's centre, `orientation` the cosines of a row and of a column, `spacing` mm
    between rows and between columns, `shape` rows and columns."""

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, int]

    def corners(self) -> NDArray[np.float64]:
        """The outer corners of the first and of the last pixel, `(2, 3)` mm."""
        along_row, along_column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        down, right = along_column * self.spacing[0], along_row * self.spacing[1]
        ends = ((-0.5, -0.5), (self.shape[0] - 0.5, self.shape[1] - 0.5))
        return np.stack([np.array(self.position) + down * row + right * column for row, column in ends])


def plane(
    position: tuple[float, ...],
    orientation: tuple[float, ...],
    spacing: tuple[float, ...],
    shape: tuple[int, int],
) -> Plane | None:
    """None if anything is missing."""
    complete = (len(position), len(orientation), len(spacing)) == (3, 6, 2) and min(spacing) > 0
    return Plane(position, orientation, spacing, shape) if complete else None


def cover_each_other(one: Plane, other: Plane) -> bool:
    """Whether they show the same rectangle of the patient, to a pixel, however fine each is."""
    turned = np.abs(np.array(one.orientation) - np.array(other.orientation)).max()
    apart = np.linalg.norm(one.corners() - other.corners(), axis=1).max()
    return bool(turned <= _PARALLEL and apart <= max(*one.spacing, *other.spacing, _SMALLEST_MM))

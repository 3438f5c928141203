"""Points and directions in the patient, in mm, as arrays `(3,)` of float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
SAME_DIRECTION = 1.5e-8
"""1 minus the cosine of 0.01 degrees: over half a metre that is less than 0.1 mm."""


def vector(values: Sequence[float] | Vector) -> Vector:
    """As float64."""
    return np.asarray(values, np.float64)


def unit(values: Sequence[float] | Vector) -> Vector:
    """Of length 1; zeros stay zeros."""
    found = vector(values)
    length = float(np.linalg.norm(found))
    return found / length if length else found


def parallel(one: Vector, other: Vector) -> bool:
    """Whether two unit vectors say one axis, either way."""
    return abs(float(one @ other)) > 1 - SAME_DIRECTION

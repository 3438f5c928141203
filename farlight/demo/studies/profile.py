"""A quantity that changes smoothly along an axis."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.grid import Array


def profile(at: Array | float, *knots: tuple[float, float]) -> Array:
    """Monotone cubic through (position, value) knots with ascending positions, constant beyond the ends."""
    x, y = (np.array(column, np.float64) for column in zip(*knots, strict=True))
    slope = np.diff(y) / np.diff(x)
    tangent = np.zeros_like(y)
    product = slope[:-1] * slope[1:]
    tangent[1:-1] = np.where(product > 0, 2 * product / np.where(product > 0, slope[:-1] + slope[1:], 1), 0)
    inside = np.clip(at, x[0], x[-1])
    i = np.clip(np.searchsorted(x, inside, "right") - 1, 0, len(x) - 2)
    width = (x[1:] - x[:-1])[i]
    t = (inside - x[i]) / width
    value = (
        y[i] * (1 + 2 * t) * (1 - t) ** 2
        + y[i + 1] * t * t * (3 - 2 * t)
        + width * (tangent[i] * t * (1 - t) ** 2 - tangent[i + 1] * t * t * (1 - t))
    )
    return np.asarray(value, np.float32)

"""A sheet of paper with lines and words, in millimetres, before it becomes SVG or pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
INK: Colour = (20, 24, 32)
PALE: Colour = (110, 118, 130)
PAPER: Colour = (255, 253, 252)
FINE_GRID, GRID = (248, 214, 212), (236, 160, 156)


@dataclass(frozen=True)
class Trace:
    """A line through `points` `(n, 2)`; it breaks where one is no number."""

    points: NDArray[np.float64]
    colour: Colour = INK
    width: float = 0.3

    def runs(self) -> list[NDArray[np.float64]]:
        """The pieces between gaps, of at least two points."""
        there = np.isfinite(self.points).all(axis=1)
        edges = np.flatnonzero(np.diff(there)) + 1
        return [run for run in np.split(self.points, edges) if len(run) > 1 and np.isfinite(run).all()]


@dataclass(frozen=True)
class Label:
    """Words whose base line begins at `x`, `y`; `size` is their height."""

    x: float
    y: float
    text: str
    size: float = 3.5
    colour: Colour = INK


@dataclass(frozen=True)
class Grid:
    """Squares of 1 mm and of 5 mm."""

    left: float
    top: float
    width: float
    height: float


@dataclass
class Sheet:
    """What is drawn, the first at the bottom."""

    width: float
    height: float
    grids: list[Grid] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def polyline(points: list[tuple[float, float]], colour: Colour = INK, width: float = 0.3) -> Trace:
    """Through a few points."""
    return Trace(np.array(points, np.float64), colour, width)


def thinned(
    samples: NDArray[np.float32], most: int = 2500
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places from 0 to 1 and values of at most some `2 * most` samples: of each stretch its smallest and largest, so
    that no peak is lost."""
    count = len(samples)
    values = samples.astype(np.float64)
    if count <= 2 * most:
        return np.arange(count) / max(1, count), values
    stretch = -(-count // most)
    padded = np.concatenate([values, np.full(-count % stretch, values[-1])]).reshape(-1, stretch)
    ends = np.stack([padded.min(axis=1), padded.max(axis=1)], axis=1)
    turned = padded.argmin(axis=1) > padded.argmax(axis=1)
    ends[turned] = ends[turned][:, ::-1]
    places = (np.arange(len(padded))[:, np.newaxis] + [0.25, 0.75]) * stretch / count
    return places.ravel(), ends.ravel()

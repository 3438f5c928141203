"""Branching vessels that fill a region, thinner at each fork."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from farlight.demo.studies.grid import Array
from farlight.demo.studies.tube import Tube, smooth_path


@dataclass(frozen=True)
class Growth:
    """How a tree divides: radius of the last twigs in mm, Murray's exponent, how crooked the branches are."""

    twig_mm: float = 0.6
    exponent: float = 2.7
    bend: float = 0.12
    reach: float = 0.42


def grow(root: Array, targets: Array, growth: Growth, seed: int) -> list[Tube]:
    """A tree from `root` (x, y, z) to every point of `targets` (n, 3), as tubes from fork to fork."""
    rng = np.random.default_rng(seed)
    return [
        Tube(path) for path in _branches(root.astype(np.float32), targets.astype(np.float32), growth, rng)
    ]


def _branches(root: Array, targets: Array, growth: Growth, rng: np.random.Generator) -> Iterator[Array]:
    waiting = [(root, targets, _radius(len(targets), growth))]
    while waiting:
        start, points, wide = waiting.pop()
        if len(points) == 1:
            yield _branch(start, points[0], wide, growth.twig_mm * 0.7, growth, rng)
            continue
        fork = start + growth.reach * (points.mean(axis=0) - start)
        yield _branch(start, fork, wide, _radius(len(points), growth), growth, rng)
        waiting += [(fork, part, _radius(len(part), growth)) for part in _halves(points)]


def _branch(
    start: Array, end: Array, wide: float, thin: float, growth: Growth, rng: np.random.Generator
) -> Array:
    span = end - start
    length = float(np.linalg.norm(span))
    middle = start + 0.5 * span + growth.bend * length * rng.standard_normal(3).astype(np.float32)
    knots = np.array([[*start, wide], [*middle, (wide + thin) / 2], [*end, thin]], np.float32)
    return smooth_path(knots, 2 if length > 6 else 1)


def _halves(points: Array) -> tuple[Array, Array]:
    spread = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(spread.T @ spread)
    order = np.argsort(spread @ vectors[:, -1], kind="stable")
    cut = max(1, len(order) * 2 // 5)
    return points[order[:cut]], points[order[cut:]]


def _radius(twigs: int, growth: Growth) -> float:
    return float(growth.twig_mm * twigs ** (1 / growth.exponent))

"""Lungs: parenchyma, fissures, vessels, airways and the nodule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from farlight.demo.studies.canvas import Canvas
from farlight.demo.studies.grid import Array, Grid, Point, lattice
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.torso.shape import TorsoShape
from farlight.demo.studies.tree import Growth, grow
from farlight.demo.studies.tube import Bundle, Tube, tube

AIR = -1000.0
VESSEL = 95.0
NODULE_CENTRE: Point = (-78.0, -22.0, 92.5)
_TEXTURE = NoiseField.seeded(21, 9)
_LOBULES = NoiseField.seeded(22, 26)


@dataclass(frozen=True)
class Nodule:
    """A solid nodule in the right upper lobe; its edge is slightly spiculated."""

    diameter_mm: float = 11.0
    centre: Point = NODULE_CENTRE


def paint_lungs(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    """Air-filled tissue, denser towards the back, with fissures and all vessels."""
    _, y, _ = shape.grid.open()
    air = -868 + 0.32 * y + 9 * _LOBULES.sample(shape.grid) + 9 * _TEXTURE.sample(shape.grid)
    canvas.spread(shape.lungs, np.asarray(air, np.float32), factor)
    _fissures(canvas, shape, factor)
    canvas.tubes(pulmonary_vessels(), VESSEL)
    _airways(canvas)


def paint_nodule(canvas: Canvas, nodule: Nodule) -> None:
    """The nodule and its spicules."""
    radius = nodule.diameter_mm / 2
    centre = np.array(nodule.centre, np.float32)
    rng = np.random.default_rng(77)
    spicules = []
    for way in _directions(14, rng):
        tip = centre + way * radius * rng.uniform(1.45, 2.1)
        spicules.append(Tube(np.array([[*centre, 1.2], [*tip, 0.35]], np.float32)))
    canvas.tubes(spicules, -150.0)
    reach = radius * 1.6
    x, y, z = nodule.centre
    box = canvas.grid.box((x - reach, y - reach, z - reach), (x + reach, y + reach, z + reach))
    if box is not None:
        canvas.fill(_lobulated(canvas.grid.crop(box), centre, radius), 38.0, box)


def _lobulated(grid: Grid, centre: Array, radius: float) -> Array:
    x, y, z = (axis - c for axis, c in zip(grid.open(), centre, strict=True))
    away = np.sqrt(x * x + y * y + z * z) + 1e-3
    bumps = np.sin(x * 1.15 + 0.7) * np.sin(y * 1.3 + 0.2) + np.sin(z * 1.1 + x * 0.6) * 0.6
    return np.asarray(away - radius - 0.045 * radius * bumps, np.float32)


def _fissures(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    for distance in (shape.oblique_fissure, shape.minor_fissure):
        film = np.maximum(np.abs(distance) - 1.0, shape.lungs + 1.5)
        canvas.spread(np.asarray(film, np.float32), -770.0, factor)


def _airways(canvas: Canvas) -> None:
    canvas.tubes(airways(), -250.0, grow_mm=0.9)
    canvas.tubes(airways(), AIR)


@cache
def airways() -> Bundle:
    """Bronchi beyond the main ones, inside the lungs."""
    found: list[Tube] = []
    for side, hilum in ((-1, (-33.0, 4.0, 60.0)), (1, (40.0, 9.0, 55.0))):
        targets = _targets(side, 16, margin=20, seed=31 + side)
        found += grow(np.array(hilum), targets, Growth(twig_mm=1.35, exponent=2.6, bend=0.07), seed=41 + side)
    return Bundle.of(found)


@cache
def pulmonary_vessels() -> Bundle:
    """Arteries and veins of both lungs, to a few mm of the pleura."""
    found: list[Tube] = []
    artery, vein = (
        Growth(twig_mm=0.66, exponent=2.65, bend=0.09),
        Growth(twig_mm=0.64, exponent=2.65, bend=0.12),
    )
    for side, arteries, veins in (
        (-1, ((-36.0, 4.0, 50.0), (-34.0, -8.0, 66.0)), ((-34.0, 6.0, 22.0), (-34.0, -14.0, 44.0))),
        (1, ((40.0, 8.0, 62.0), (38.0, 20.0, 42.0)), ((36.0, 14.0, 24.0), (38.0, -10.0, 46.0))),
    ):
        for number, (roots, growth, count) in enumerate(((arteries, artery, 460), (veins, vein, 340))):
            targets = _targets(side, count, margin=4, seed=50 + number * 4 + side)
            for root, part in _nearest(roots, targets):
                found += grow(np.array(root), part, growth, seed=60 + number * 4 + side)
    return Bundle.of(found)


def _nearest(roots: Sequence[Point], targets: Array) -> list[tuple[Point, Array]]:
    """Each root with the targets at its height: the upper root serves the upper lobe."""
    order = sorted(roots, key=lambda root: root[2])
    middle = (order[0][2] + order[1][2]) / 2 + 0.5 * (targets[:, 1] - 10)
    upper = targets[:, 2] > middle
    return [(order[0], targets[~upper]), (order[1], targets[upper])]


def _targets(side: int, count: int, margin: float, seed: int) -> Array:
    """Random places in one lung, at least `margin` mm from its surface and well apart; (count, 3) x, y, z."""
    places, depth = _lung_places()
    rng = np.random.default_rng(seed)
    chosen = places[(places[:, 0] * side > 0) & (depth > margin)]
    picked = chosen[rng.permutation(len(chosen))[:count]]
    return np.asarray(picked + rng.uniform(-3.5, 3.5, picked.shape), np.float32)


@cache
def _lung_places() -> tuple[Array, Array]:
    grid = lattice((-120, 7, 42), (-110, 7, 31), (-150, 7, 43))
    distance = TorsoShape(grid).lungs
    inside = np.argwhere(distance < -3)
    places = np.stack([grid.x[inside[:, 2]], grid.y[inside[:, 1]], grid.z[inside[:, 0]]], axis=1)
    return places, -distance[tuple(inside.T)]


def _directions(count: int, rng: np.random.Generator) -> Array:
    ways = rng.standard_normal((count, 3))
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True), np.float32)


def main_airways() -> list[Tube]:
    """Trachea, carina and main bronchi; the radius is of the air."""
    return [
        tube((0, 6, 220, 8.6), (-1, 2, 175, 8.8), (-2, 4, 130, 8.8), (-2, 10, 96, 9), (-2, 13, 84, 8.2)),
        tube((-2, 13, 86, 7.6), (-16, 11, 72, 7.2), (-33, 4, 60, 6.4)),
        tube((-26, 8, 66, 6), (-33, 14, 45, 5.2), (-42, 22, 22, 4.2)),
        tube((-2, 13, 86, 7), (18, 13, 69, 6.4), (40, 9, 55, 5.6)),
        tube((34, 11, 59, 5.4), (40, 22, 40, 4.8), (48, 30, 20, 3.8)),
    ]

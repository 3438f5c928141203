"""Liver, spleen, kidneys, stomach, pancreas, bowel and the fat around them."""

from __future__ import annotations

from functools import cache

import numpy as np

from farlight.demo.studies.canvas import Canvas, Paint, common, ellipsoid_distance, rotation, union
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.torso.shape import TorsoShape, spine_y
from farlight.demo.studies.tree import Growth, grow
from farlight.demo.studies.tube import Bundle, Tube, tube

FAT, LIVER, SPLEEN, MUSCLE = -104.0, 62.0, 82.0, 56.0
_MESENTERY = NoiseField.seeded(91, 18)
_FOLDS = NoiseField.seeded(92, 22)


def paint_abdomen(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    """Everything below the diaphragm and inside the wall of the belly."""
    if float(canvas.grid.z[0]) > 5:
        return
    inside = common(shape.cage + 3.2, shape.dome + 2.6, 3)
    canvas.spread(inside, MUSCLE, factor)
    fat = FAT + 8 * _MESENTERY.sample(shape.grid)
    canvas.spread(common(shape.cage + 5.5, shape.dome + 5, 4), np.asarray(fat, np.float32), factor)
    _deep_muscles(canvas)
    _bowel(canvas)
    _liver(canvas, shape, inside, factor)
    spleen = ellipsoid_distance(shape.grid, (98, 36, -76), (33, 46, 54), rotation(about_z=30, about_x=14))
    hollow = ellipsoid_distance(shape.grid, (56, 16, -84), (34, 40, 60))
    canvas.spread(common(common(spleen, -hollow, 5), inside + 2, 4), SPLEEN, factor)
    _kidneys(canvas)
    canvas.tubes(_pancreas(), 78.0)
    canvas.tubes(_adrenals(), 40.0)
    _stomach(canvas)


def _deep_muscles(canvas: Canvas) -> None:
    half = [
        tube((22, 44, -96, 5), (34, 46, -130, 13), (42, 42, -170, 18), (48, 34, -215, 21)),
        tube((54, 70, -100, 8), (62, 68, -150, 14), (66, 64, -210, 15)),
    ]
    for one in (half, [Tube(t.path * np.array([-1, 1, 1, 1], np.float32)) for t in half]):
        canvas.tubes(one, MUSCLE + 4)
    crus = [
        tube((16, 14, -70, 5), (14, 22, -110, 5.5), (12, 26, -150, 3.5)),
        tube((-12, 6, -66, 6), (-14, 18, -112, 6.5), (-12, 24, -150, 4)),
    ]
    canvas.tubes(crus, MUSCLE)
    _paravertebral(canvas)


def _paravertebral(canvas: Canvas) -> None:
    box = canvas.grid.box((-46, 10, float(canvas.grid.z[0])), (46, 100, float(canvas.grid.z[-1])))
    if box is None:
        return
    grid = canvas.grid.crop(box)
    x, y, z = grid.open()
    column = np.hypot(x * 0.92, y - spine_y(z)) - 27
    canvas.fill(np.maximum(column, z + 50).astype(np.float32), MUSCLE, box)


def _liver(canvas: Canvas, shape: TorsoShape, inside: Array, factor: int) -> None:
    x, y, z = shape.grid.open()
    reach = 12 + 0.42 * np.minimum(z + 70, 0)
    medial = x * 0.76 + y * 0.65 - reach
    lower = (-150 + 0.42 * (x + 110) - 0.10 * (y + 40) - z) * 0.9
    body = common(inside + 1.8, np.asarray(np.maximum(medial, lower), np.float32) - 5 + 3 * shape.waves, 12)
    kidney = ellipsoid_distance(shape.grid, (-66, 46, -128), (36, 34, 56))
    column = np.asarray(np.hypot(x, y - spine_y(z)) - 33, np.float32)
    ligament = np.asarray(
        np.maximum(np.abs(x + 4 - 0.35 * (y + 60) - 3 * shape.waves) - 1.8, (y + 44) * 0.8), np.float32
    )
    ligament = np.asarray(ligament + np.maximum(0, z + 72) * 0.3, np.float32)
    body = common(body, -union(union(kidney, column, 6), ligament, 4), 6)
    canvas.spread(body, LIVER, factor)
    canvas.tubes(hepatic_vessels(), LIVER + 48)
    canvas.tubes([tube((-30, -6, -112, 6.5), (-34, -8, -96, 6.5), (-46, -2, -86, 6))], LIVER + 56)
    canvas.ellipsoid((-52, -42, -128), (15, 22, 26), 55.0, rotation(about_z=-20))
    canvas.ellipsoid((-52, -42, -128), (13.4, 20.4, 24.4), 9.0, rotation(about_z=-20))


@cache
def hepatic_vessels() -> Bundle:
    """Portal branches from the hilum and hepatic veins to the caval vein."""
    rng = np.random.default_rng(95)
    low, high = (-120, -70, -130), (20, 50, -50)
    places = rng.uniform(low, high, (150, 3)).astype(np.float32)
    places = places[places[:, 0] * 0.76 + places[:, 1] * 0.65 < 0]
    portal = grow(np.array((-46.0, -2.0, -86.0)), places[:60], Growth(1.3, 2.7, 0.1), 96)
    veins = grow(np.array((-28.0, 4.0, -52.0)), places[60:], Growth(1.3, 2.6, 0.08), 97)
    return Bundle.of(portal + veins)


def _kidneys(canvas: Canvas) -> None:
    for side, z in ((-1.0, -128.0), (1.0, -112.0)):
        turn = rotation(about_y=12 * side, about_z=28 * side)
        centre = (66 * side, 46.0, z)
        canvas.ellipsoid(centre, (29, 26, 56), 148.0, turn)
        for k in range(8):
            angle = k * np.pi / 4 + 0.2
            pyramid = (66 * side + 4 * side, 46.0 + 11 * np.cos(angle) * 0.5, z + 30 * np.sin(angle))
            canvas.ellipsoid(pyramid, (11, 10, 8), 92.0, turn)
        canvas.ellipsoid((58 * side, 40, z), (17, 11, 30), -85.0, turn)
        canvas.ellipsoid((52 * side, 38, z - 4), (12, 6, 12), 14.0, turn)
        canvas.tubes(
            [tube((52 * side, 38, z - 4, 4), (44 * side, 36, z - 30, 2.4), (42 * side, 34, z - 90, 2))], 12.0
        )


def _pancreas() -> list[Tube]:
    return [
        tube(
            (-34, -22, -132, 11),
            (-28, -26, -118, 12),
            (-6, -32, -106, 9),
            (22, -26, -100, 9),
            (56, -4, -92, 9.5),
            (82, 20, -84, 7),
        ),
    ]


def _adrenals() -> list[Tube]:
    return [
        tube((34, 22, -88, 2.6), (38, 26, -92, 2.6), (46, 34, -98, 2)),
        tube((38, 26, -92, 2.4), (32, 34, -98, 2)),
        tube((-26, 26, -92, 2.4), (-32, 36, -98, 2.2), (-38, 44, -104, 1.8)),
    ]


def _stomach(canvas: Canvas) -> None:
    path = [
        tube(
            (58, 24, -52, 22),
            (66, 4, -62, 31),
            (66, -28, -84, 30),
            (48, -54, -112, 22),
            (16, -62, -126, 16),
            (-20, -46, -122, 11),
        )
    ]
    canvas.tubes(path, 74.0)
    canvas.tubes(path, _content(-24.0, 26.0), grow_mm=-3.6)


def _content(level_y: float, fluid: float) -> Paint:
    """Air above a level of fluid: the patient lies on the back."""

    def paint(grid: Grid) -> Array:
        _, y, _ = grid.open()
        air = np.clip((level_y - y) / grid.edge_mm + 0.5, 0, 1)
        return np.asarray(fluid + air * (-990 - fluid), np.float32)

    return paint


def _bowel(canvas: Canvas) -> None:
    rng = np.random.default_rng(98)
    veins = []
    for x, y, z in rng.uniform((-70, -60, -200), (90, 20, -110), (70, 3)):
        step = rng.uniform(-16, 16, 3)
        veins.append(tube((x, y, z, 1.5), (x + step[0], y + step[1], z + step[2], 1.1), steps=2))
    canvas.tubes(veins, 95.0)
    small = _small_bowel()
    canvas.tubes(small, 62.0)
    canvas.tubes(small, 22.0, grow_mm=-2.6)
    for path, level in _colon():
        canvas.tubes([path], 58.0)
        canvas.tubes([path], _content(level, -40.0), grow_mm=-2.4)


def _small_bowel() -> list[Tube]:
    rng = np.random.default_rng(99)
    found = []
    for x, y in (
        (52, -30),
        (84, -22),
        (28, -50),
        (70, -56),
        (100, 4),
        (50, 4),
        (-14, -54),
        (-44, -40),
        (-2, -24),
        (74, 12),
        (-74, 4),
    ):
        wander = rng.uniform(-17, 17, (4, 2))
        points = [(x + dx, y + dy, -128 - 26 * k, 10.5) for k, (dx, dy) in enumerate(wander)]
        found.append(tube(*points, steps=4))
    return found


def _colon() -> list[tuple[Tube, float]]:
    return [
        (
            tube(
                (-104, 12, -210, 20),
                (-106, 6, -176, 20),
                (-92, -34, -160, 19),
                (-50, -66, -158, 17),
                (0, -76, -150, 16),
                steps=5,
            ),
            -62.0,
        ),
        (
            tube((0, -76, -150, 16), (56, -72, -140, 17), (98, -46, -118, 18), (114, -8, -92, 17), steps=5),
            -60.0,
        ),
        (
            tube((114, -8, -92, 16), (118, 28, -126, 13), (116, 40, -170, 12), (112, 42, -215, 12), steps=4),
            20.0,
        ),
    ]

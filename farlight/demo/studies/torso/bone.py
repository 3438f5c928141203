"""Spine, ribs, breastbone, collar bones and shoulder blades."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from farlight.demo.studies.canvas import Canvas, coverage
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.torso.shape import cage_half_depth, cage_half_width, cage_middle, spine_y
from farlight.demo.studies.tube import Bundle, Tube, mirrored, smooth_path, tube

CORTEX, MARROW, DISC, CARTILAGE = 620.0, 165.0, 88.0, 105.0
Points = npt.NDArray[np.float64]
_TRABECULAE = NoiseField.seeded(81, 4)


def paint_bones(canvas: Canvas) -> None:
    """All bones; the canal and the discs too."""
    _hollow(canvas, ribs(), 1.2, MARROW + 60)
    canvas.tubes(cartilages(), CARTILAGE)
    _blades(canvas)
    _hollow(canvas, girdle(), 1.5, MARROW - 40)
    _breastbone(canvas)
    _hollow(canvas, arches(), 1.2, MARROW + 30)
    _vertebral_bodies(canvas)
    _canal(canvas)


@cache
def vertebrae() -> Array:
    """Middle and height in mm of each vertebra, from the neck down: C6, C7, T1-T12, L1-L4; (16, 2)."""
    heights = np.concatenate([np.full(2, 18.0), np.linspace(20.5, 26.5, 12), np.linspace(29, 33, 5)])
    top = 196.0
    lower = top - np.cumsum(heights)
    return np.stack([lower + heights / 2, heights], axis=1).astype(np.float32)


def _hollow(canvas: Canvas, tubes: Bundle, shell_mm: float, inside: float) -> None:
    canvas.tubes(tubes, CORTEX)
    canvas.tubes(tubes, inside, grow_mm=-shell_mm)


def _vertebral_bodies(canvas: Canvas) -> None:
    box = canvas.grid.box((-36, 0, float(canvas.grid.z[0])), (36, 90, float(canvas.grid.z[-1])))
    if box is None:
        return
    grid = canvas.grid.crop(box)
    side, level, gap = _body_distance(grid)
    canvas.fill(np.maximum(side, gap - 2.4), DISC, box)
    body = np.maximum(side - 0.6, level)
    canvas.fill(body, CORTEX - 130, box)
    marrow = MARROW + 34 * _TRABECULAE.sample(grid)
    canvas.fill(body + 1.5, np.asarray(marrow, np.float32), box)


def _body_distance(grid: Grid) -> tuple[Array, Array, Array]:
    """Distance to the side of the column, to the end plates of the nearest body, and to the middle of the disc."""
    x, y, z = grid.open()
    table = vertebrae()
    nearest = np.abs(grid.z[:, None] - table[None, :, 0]).argmin(axis=1)
    middle, height = (table[nearest, k][:, None, None] for k in (0, 1))
    half = (height / 2 - np.clip(height * 0.11, 2.2, 3.8)).astype(np.float32)
    size = np.interp(grid.z, (-200, 180), (24.5, 13.5)).astype(np.float32)[:, None, None]
    waist = 1 - 0.09 * np.clip(1 - ((z - middle) / half) ** 2, 0, 1)
    back = y - spine_y(z)
    flat = np.where(back > 0, 0.92, 1.28)
    ring = np.sqrt(
        (x / (size * waist)) ** 2 + (back / (size * waist * 0.80)) ** 2 * np.where(back > 0, flat, 1)
    )
    side = (ring - 1) * size * 0.85
    bulge = 0.9 * np.clip(1 - (x * x + back * back) / 300, 0, 1)
    level = np.abs(z - middle) - half + bulge
    return side.astype(np.float32), np.asarray(level, np.float32), np.asarray(-level, np.float32)


def _canal(canvas: Canvas) -> None:
    box = canvas.grid.box((-20, 30, float(canvas.grid.z[0])), (20, 110, float(canvas.grid.z[-1])))
    if box is None:
        return
    x, y, z = canvas.grid.crop(box).open()
    back = y - spine_y(z) - np.interp(z, (-200, 180), (30.0, 20.5))
    ring = np.hypot(x / 1.12, back).astype(np.float32)
    for radius, hu in ((9.2, -60.0), (7.8, 14.0), (4.6, 40.0)):
        canvas.fill(ring - np.float32(radius), hu, box)


@cache
def arches() -> Bundle:
    """Pedicles, laminae, spinous and transverse processes."""
    found: list[Tube] = []
    for z, height in vertebrae():
        y = float(spine_y(float(z)))
        size = float(np.interp(z, (-200, 180), (24.5, 13.5)))
        canal = y + float(np.interp(z, (-200, 180), (30.0, 20.5)))
        drop = 0.55 * height if z > -100 else 0.18 * height
        reach = size * (1.75 if z > -100 else 1.7)
        half = [
            tube((size * 0.55, y + size * 0.55, z + 3, 4.2), (12.5, canal - 1, z + 2, 4), steps=2, flat=1.5),
            tube(
                (12.5, canal - 1, z + 2, 4),
                (8, canal + 9, z - 3, 3.4),
                (0, canal + 14, z - 6, 3.4),
                steps=2,
                flat=2.2,
            ),
            tube((12, canal + 3, z + 2, 4.2), (reach, canal + 7, z + 4, 2.6), steps=3, flat=1.3),
            tube((13, canal + 5, z + height / 2, 4.4), (13, canal + 5, z - height / 2, 3.8), steps=2),
        ]
        found += half + mirrored(half)
        found.append(
            tube(
                (0, canal + 13, z - 6, 3.2),
                (0, canal + 23, z - 6 - drop, 3.2),
                steps=3,
                flat=2.6 if z < -100 else 1.6,
            )
        )
    return Bundle.of(found)


@cache
def ribs() -> Bundle:
    """Twelve pairs, from the spine round to where the cartilage begins."""
    half = [Tube(_rib(number), 1.9) for number in range(1, 13)]
    return Bundle.of(half + mirrored(half))


@cache
def cartilages() -> Bundle:
    """From the ends of the first ten ribs to the breastbone."""
    found: list[Tube] = []
    for number in range(1, 11):
        end = _rib(number)[-1]
        goal_z = float(np.interp(number, (1, 2, 7, 10), (112, 96, -8, -34)))
        goal = (16.0 if number < 8 else 30.0, float(_front(goal_z)) + 5, goal_z, 4.0)
        middle = (
            (end[0] + goal[0]) / 2,
            float(_front((end[2] + goal_z) / 2)) + 4 + 6 * (number > 6),
            end[2] * 0.6 + goal_z * 0.4,
        )
        found.append(tube(tuple(end), (*middle, 4.4), goal, steps=4, flat=1.6))
    return Bundle.of(found + mirrored(found))


def _rib(number: int) -> Array:
    """The path of a left rib: (n, 4) x, y, z, radius."""
    head = float(vertebrae()[number + 1, 0]) + 8
    drop = float(np.interp(number, (1, 4, 8, 12), (38, 104, 126, 70)))
    sweep = float(np.interp(number, (1, 2, 7, 10, 11, 12), (158, 152, 132, 112, 82, 56)))
    angle = np.radians(np.linspace(14, sweep, 34))
    share = np.linspace(0, 1, 34)
    z = head + 3 - drop * share ** (0.85 if number > 1 else 1.0)
    z_cage = np.minimum(z, 158)
    outward = 3.4 * np.clip(share * 12, 0, 1)
    x = (cage_half_width(z_cage) + outward) * np.sin(angle)
    y = (
        cage_middle(z_cage)
        + (cage_half_depth(z_cage) + outward) * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.92
    )
    thick = 3.3 + 0.5 * np.sin(share * np.pi)
    root = [
        [13, float(spine_y(head)) + 9, head - 3, 3.2],
        [24, float(spine_y(head)) + 20, head, 3.3],
    ]
    start = int(np.searchsorted(x, 34))
    body = np.stack([x, y, z, thick], axis=1)[start:]
    return smooth_path(np.concatenate([root, body]).astype(np.float32), 1)


def _front(z: float | Array) -> Array:
    at = np.asarray(z, np.float32)
    return cage_middle(at) - cage_half_depth(np.minimum(at, 150)) - 5


@cache
def girdle() -> Bundle:
    """Collar bones, the borders and spine of the shoulder blades, heads of the upper arms."""
    half = [
        tube((14, -58, 122, 7), (52, -66, 132, 5.2), (100, -46, 146, 5), (142, -14, 152, 5.5)),
        tube((84, 72, 122, 2.6), (92, 80, 70, 2.6), (104, 80, 20, 3.2), steps=8),
        tube((104, 80, 20, 3.2), (126, 56, 70, 3.8), (146, 26, 122, 6), steps=8),
        tube((84, 76, 122, 2.6), (116, 62, 136, 4.2), (148, 36, 152, 5.4), (158, 4, 156, 5), steps=6),
        tube((142, 22, 140, 4), (140, -8, 144, 4.4), (136, -28, 134, 4)),
        tube((168, 14, 142, 20), (180, 14, 150, 17), (196, 14, 158, 13), steps=4),
    ]
    return Bundle.of(half + mirrored(half))


def _blades(canvas: Canvas) -> None:
    """The thin plates between the borders of the shoulder blades."""
    corner = np.array([[84, 75, 122], [104, 80, 20], [146, 26, 122]], np.float64)
    normal = np.cross(corner[1] - corner[0], corner[2] - corner[0])
    normal /= np.linalg.norm(normal)
    box_low, box_high = corner.min(axis=0) - 6, corner.max(axis=0) + 6
    for side in (-1.0, 1.0):
        xs = sorted((side * box_low[0], side * box_high[0]))
        box = canvas.grid.box((xs[0], box_low[1], box_low[2]), (xs[1], box_high[1], box_high[2]))
        if box is not None:
            distance = _triangle(canvas.grid.crop(box), side, corner, normal)
            canvas.fill(distance - 1.5, CORTEX - 120, box)
            canvas.fill(distance - 0.5, MARROW, box)


def _triangle(grid: Grid, side: float, corner: Points, normal: Points) -> Array:
    x, y, z = grid.open()
    x = x * np.float32(side)

    def height(way: Points, point: Points) -> Array:
        return np.asarray(
            (x - point[0]) * way[0] + (y - point[1]) * way[1] + (z - point[2]) * way[2], np.float32
        )

    hollow = 2.2 * np.sin((z - 20) / 102 * np.pi)
    flat = np.abs(height(normal, corner[0]) - hollow)
    for i in range(3):
        edge = np.cross(corner[(i + 1) % 3] - corner[i], normal)
        flat = np.maximum(flat, height(edge / np.linalg.norm(edge), corner[i]))
    return np.asarray(flat, np.float32)


def _breastbone(canvas: Canvas) -> None:
    box = canvas.grid.box((-34, -125, -34), (34, -30, 126))
    if box is None:
        return
    grid = canvas.grid.crop(box)
    x, y, z = grid.open()
    half = np.interp(z, (-34, -26, -12, 40, 84, 90, 112, 124), (3, 6, 17, 18, 14, 19, 27, 22)).astype(
        np.float32
    )
    away = np.abs(y - _front(z) + 2 + 0.006 * x * x) / 6.2
    joint = 2.2 - np.abs(z - 86)
    oval = (((np.abs(x) / half) ** 3 + away**3) ** (1 / 3) - 1) * 6.2
    body = np.maximum(oval, np.maximum(z - 123, -30 - z)).astype(np.float32)
    canvas.fill(body, CORTEX - 160, box)
    inside = np.maximum(body + 1.4, 0)
    canvas.cover(coverage(body + 1.5, grid.edge_mm) * (inside == 0), MARROW - 70, box)
    canvas.fill(np.maximum(body, -joint).astype(np.float32), CARTILAGE, box)

"""Heart and great vessels, trachea, gullet, and the fat between them."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.canvas import Canvas, common, rotation
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.torso.lung import AIR, main_airways
from farlight.demo.studies.torso.shape import HEART_CENTRE, TorsoShape
from farlight.demo.studies.tube import Tube, tube

FAT, BLOOD, MYOCARDIUM, WALL = -98.0, 168.0, 98.0, 42.0
_MOTTLE = NoiseField.seeded(71, 16)


def paint_mediastinum(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    """Fat first, then what lies in it."""
    within = common(common(shape.mediastinum + 1.2, shape.cage + 4), -(shape.dome - 3))
    hu = FAT + 10 * _MOTTLE.sample(shape.grid)
    canvas.spread(within, np.asarray(hu, np.float32), factor)
    _heart(canvas, shape, factor)
    canvas.tubes(_veins(), BLOOD - 22)
    canvas.tubes(_pulmonary_trunk(), BLOOD - 6)
    aorta = great_arteries()
    canvas.tubes(aorta, 78.0, grow_mm=1.1)
    canvas.tubes(aorta, BLOOD)
    _tubes_of_the_neck(canvas)


def _heart(canvas: Canvas, shape: TorsoShape, factor: int) -> None:
    canvas.spread(common(shape.heart - 0.3, -(shape.dome - 3), 4), 0.0, factor)
    canvas.spread(common(shape.heart + 1.0, -(shape.dome - 4.5), 4), FAT + 6, factor)
    left = rotation(about_z=35, about_y=22)
    cx, cy, cz = HEART_CENTRE
    canvas.ellipsoid((cx - 22, cy - 14, cz - 2), (31, 22, 36), MYOCARDIUM, rotation(about_z=20))
    canvas.ellipsoid((cx - 22, cy - 14, cz - 2), (28, 19, 33), BLOOD - 10, rotation(about_z=20))
    canvas.ellipsoid((cx - 46, cy + 8, cz + 8), (21, 24, 31), MYOCARDIUM - 10)
    canvas.ellipsoid((cx - 46, cy + 8, cz + 8), (18.5, 21.5, 28.5), BLOOD - 16)
    canvas.ellipsoid((cx + 14, cy + 2, cz), (48, 32, 39), MYOCARDIUM, left)
    canvas.ellipsoid((cx + 11, cy + 2, cz + 1), (37, 20, 28), BLOOD, left)
    canvas.tubes(_papillary(), MYOCARDIUM)
    canvas.ellipsoid((cx - 14, cy + 33, cz + 24), (30, 18, 24), MYOCARDIUM - 8)
    canvas.ellipsoid((cx - 14, cy + 33, cz + 24), (28, 16, 22), BLOOD)
    canvas.tubes([tube((6, 2, 18, 9), (14, -14, 8, 9), (24, -22, 2, 8))], BLOOD)
    canvas.tubes([tube((16, 0, 24, 9), (40, -8, 32, 8.5), (52, -26, 34, 6))], BLOOD - 8)
    canvas.tubes([tube((-4, -44, -2, 17), (8, -56, 14, 15), (14, -58, 24, 13.5))], BLOOD - 10)
    canvas.tubes(_coronaries(), BLOOD)


def _papillary() -> list[Tube]:
    return [tube((56, -34, -4, 3.4), (44, -30, -2, 2.6)), tube((48, -12, -14, 3.4), (38, -14, -10, 2.6))]


def _coronaries() -> list[Tube]:
    return [
        tube((10, -34, 34, 2), (28, -52, 24, 1.8), (44, -62, 4, 1.5), (58, -62, -18, 1.2)),
        tube((8, -36, 36, 2), (34, -18, 26, 1.7), (52, -2, 14, 1.5)),
        tube((-8, -44, 34, 2), (-24, -44, 22, 1.8), (-36, -30, -8, 1.6), (-20, -12, -34, 1.4)),
    ]


def great_arteries() -> list[Tube]:
    """Aorta from its root to below the kidneys, the arteries of the neck and the belly."""
    return [
        tube(
            (4, -26, 20, 15), (-8, -34, 44, 15.5), (-13, -36, 66, 15), (-8, -30, 85, 14.5), (8, -12, 95, 13.5),
            (19, 10, 90, 13), (22, 27, 72, 12.8), (22, 31, 40, 12.2), (20, 29, 0, 11.6), (15, 22, -60, 11),
            (8, 12, -110, 10.2), (4, 8, -150, 9.4), (2, 8, -210, 9),
        ),
        tube((-4, -26, 96, 6.5), (-10, -14, 118, 6), (-20, -6, 150, 5.6), (-30, 0, 185, 4)),
        tube((-20, -6, 150, 5), (-42, 4, 164, 4.6), (-80, -4, 162, 4.2), (-130, -6, 140, 3.8), (-170, 2, 128, 3.4)),
        tube((8, -12, 98, 4.4), (12, -4, 130, 3.8), (18, 0, 160, 3.6), (22, 2, 210, 3.4)),
        tube((18, 4, 97, 5.4), (22, 8, 128, 5), (34, 8, 156, 4.8), (70, -2, 164, 4.4),
             (125, -6, 142, 3.8), (170, 2, 128, 3.4)),
        tube((10, 8, -84, 4), (12, -8, -90, 3.6), (-14, -14, -94, 3), (-36, -24, -90, 2.4)),
        tube((12, -6, -90, 3.2), (50, 14, -84, 2.8), (88, 34, -78, 2.4)),
        tube((8, 6, -98, 4), (7, -14, -112, 3.8), (8, -20, -150, 3.4), (10, -22, -200, 3)),
        tube((6, 10, -112, 3), (30, 26, -114, 2.6), (48, 38, -112, 2.2)),
        tube((4, 10, -114, 3), (-28, 30, -122, 2.6), (-48, 40, -126, 2.2)),
    ]  # fmt: skip


def _veins() -> list[Tube]:
    return [
        tube((-27, -26, 112, 8.5), (-29, -22, 80, 9.5), (-30, -16, 45, 9.5), (-26, -14, 20, 10)),
        tube((-27, -26, 112, 7.5), (-24, -22, 140, 7), (-30, -8, 170, 6.5), (-32, -4, 210, 6)),
        tube(
            (-27, -28, 108, 6.5),
            (-4, -44, 116, 6.5),
            (20, -36, 130, 6.5),
            (30, -16, 150, 6.5),
            (32, -4, 210, 6),
        ),
        tube((30, -16, 150, 5.5), (64, -20, 158, 5), (120, -14, 138, 4.6), (170, -6, 122, 4)),
        tube((-28, -16, 150, 5.5), (-64, -20, 158, 5), (-120, -14, 138, 4.6), (-170, -6, 122, 4)),
        tube((-28, -10, 82, 4.5), (-22, 8, 86, 4.2), (-9, 26, 78, 3.6), (-8, 30, 20, 3), (-6, 26, -80, 2.4)),
        tube(
            (-27, -8, 10, 12),
            (-24, 4, -30, 12.5),
            (-22, 12, -90, 11.5),
            (-19, 12, -150, 10.5),
            (-18, 12, -210, 10),
        ),
        tube((-34, 6, 24, 6.5), (-18, 8, 22, 7), (-6, 8, 20, 8)),
        tube((36, 14, 24, 6), (22, 12, 22, 6.5), (10, 8, 20, 8)),
        tube((-34, -14, 44, 6), (-22, -2, 32, 6.5), (-6, 6, 26, 8)),
        tube((38, -10, 46, 6), (28, -2, 32, 6.5), (14, 6, 26, 8)),
        tube((-20, 12, -112, 4), (28, -2, -110, 3.6), (48, 36, -112, 3.2)),
        tube((-20, 16, -122, 4), (-46, 38, -126, 3.4)),
    ]


def _pulmonary_trunk() -> list[Tube]:
    return [
        tube((14, -58, 22, 14), (17, -52, 40, 13.5), (19, -38, 56, 13), (22, -22, 62, 12)),
        tube((22, -22, 60, 11), (4, -12, 56, 10.5), (-20, -9, 54, 9.5), (-36, -2, 50, 7.5)),
        tube((22, -24, 62, 11.5), (32, -8, 66, 10.5), (40, 8, 62, 9), (38, 20, 42, 6.5)),
        tube((-14, -9, 54, 7), (-26, -10, 60, 6), (-34, -8, 66, 5)),
    ]


def _tubes_of_the_neck(canvas: Canvas) -> None:
    air = main_airways()
    canvas.tubes(air, WALL, grow_mm=1.4)
    canvas.tubes(air, AIR)
    gullet = tube(
        (2, 18, 215, 5.5),
        (4, 22, 150, 5.8),
        (3, 26, 90, 6),
        (4, 22, 40, 6),
        (10, 14, -20, 6.5),
        (28, 4, -58, 7),
    )
    canvas.tubes([gullet], 40.0)
    canvas.tubes([gullet], -420.0, grow_mm=-4.6)
    for side in (-1, 1):
        canvas.ellipsoid((side * 17.0, -6, 196), (9, 10, 22), 110.0)
    rng = np.random.default_rng(72)
    for x, y, z in rng.uniform((-16, -30, 30), (14, 0, 120), (14, 3)):
        canvas.ellipsoid((x, y, z), (2.6, 3.4, 3.6), 35.0)

"""Scalp, skull, face: eyes, sinuses, the base of the skull."""

from __future__ import annotations

import numpy as np

from farlight.demo.studies.canvas import Canvas, common, ellipsoid_distance, rotation, union
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.head import tissue
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.tube import mirrored, tube

_WAVES = NoiseField.seeded(211, 50)
_CELLS = NoiseField.seeded(212, 6)


def paint_skull(canvas: Canvas) -> None:
    """From the air to the dura; the cranial cavity is left full of CSF."""
    grid = canvas.grid
    waves = _WAVES.sample(grid)
    vault = np.asarray(vault_distance(grid) + 0.5 * waves, np.float32)
    skin = _skin(grid, vault)
    canvas.fill(skin, tissue.SKIN)
    canvas.fill(skin + 1.6, tissue.FAT)
    canvas.fill(skin + 4.2 + 0.8 * waves, tissue.MUSCLE)
    _face(canvas, skin)
    bone = vault - _bone_mm(grid, waves)
    canvas.fill(bone, tissue.CORTICAL_BONE)
    canvas.fill(common(bone + 1.7, 1.7 - vault), tissue.DIPLOE)
    canvas.fill(vault, tissue.DURA)
    canvas.fill(vault + 0.9, tissue.CSF)
    _base(canvas)
    _petrous(canvas)


def _bone_mm(grid: Grid, waves: Array) -> Array:
    """How thick the skull is: most at brow and nape, least at the temples and above the eyes."""
    x, y, z = grid.open()
    ends = 1.6 * np.clip((np.abs(y) - 60) / 20, 0, 1)
    temples = 2.4 * np.clip((np.abs(x) - 55) / 14, 0, 1) * (z < 20)
    roofs = 4 * np.clip((-10 - z) / 8, 0, 1) * np.clip((-26 - y) / 6, 0, 1)
    return np.asarray(6.6 + 0.9 * waves + ends - temples - roofs, np.float32)


def vault_distance(grid: Grid) -> Array:
    """The inside of the cranium."""
    x, y, z = grid.open()
    cavity = ellipsoid_distance(grid, (0, 0, 6), (70, 87, 74))
    front = -25 + 7 * np.exp(-(((np.abs(x) - 32) / 17) ** 2)) - np.clip((y + 32) / 9, 0, 1) * 22
    floor = front - np.clip((y - 14) / 14, 0, 1) * 15
    return common(cavity, np.asarray(floor - z, np.float32) * 0.9, 8)


def _skin(grid: Grid, vault: Array) -> Array:
    head = ellipsoid_distance(grid, (0, 0, 12), (81, 99, 81))
    face = ellipsoid_distance(grid, (0, -34, -52), (70, 62, 66))
    nape = ellipsoid_distance(grid, (0, 22, -70), (62, 60, 80))
    nose = ellipsoid_distance(grid, (0, -97, -44), (13, 17, 22), rotation(about_x=18))
    ears = union(
        ellipsoid_distance(grid, (-82, 14, -30), (9, 14, 28), rotation(about_z=-24)),
        ellipsoid_distance(grid, (82, 14, -30), (9, 14, 28), rotation(about_z=24)),
    )
    return union(union(union(union(head, face, 22), nape, 22), nose, 8), ears, 3)


def _face(canvas: Canvas, skin: Array) -> None:
    grid = canvas.grid
    bones = union(
        ellipsoid_distance(grid, (0, -58, -46), (46, 32, 30)),
        ellipsoid_distance(grid, (0, -62, -29), (54, 26, 12)),
        8,
    )
    canvas.fill(common(bones, skin + 8), tissue.DIPLOE)
    canvas.fill(common(common(bones, skin + 8), -(bones + 2)), tissue.CORTICAL_BONE)
    for side in (-1.0, 1.0):
        turn = rotation(about_z=18 * side)
        canvas.ellipsoid((33 * side, -62, -26), (20, 30, 19), tissue.CORTICAL_BONE, turn)
        canvas.ellipsoid((34 * side, -66, -26), (18, 31, 17), tissue.FAT, turn)
        _eye(canvas, side)
        canvas.ellipsoid((30 * side, -58, -60), (19, 20, 15), tissue.CORTICAL_BONE)
        canvas.ellipsoid((30 * side, -58, -60), (17.5, 18.5, 13.5), tissue.MUCOSA)
        canvas.ellipsoid((30 * side, -58, -59), (16.5, 17.5, 12.5), tissue.AIR)
        canvas.ellipsoid((10 * side, -84, -2), (9, 5, 9), tissue.CORTICAL_BONE)
        canvas.ellipsoid((10 * side, -84, -2), (7.5, 3.6, 7.5), tissue.AIR)
        for k in range(6):
            canvas.ellipsoid((6.5 * side, -76 + 8.0 * k, -29 + 2.0 * (k % 2)), (4.6, 3.5, 9), tissue.AIR)
        canvas.ellipsoid((7 * side, -66, -60), (5, 34, 18), tissue.AIR)
        canvas.tubes(
            [tube((54 * side, -60, -40, 5), (63 * side, -34, -42, 3.4), (65 * side, -4, -44, 4))],
            tissue.CORTICAL_BONE,
        )
    canvas.ellipsoid((0, -27, -34), (16, 14, 11), tissue.CORTICAL_BONE)
    canvas.ellipsoid((0, -27, -35), (14.5, 12.5, 9), tissue.AIR)
    canvas.ellipsoid((0, -27, -35), (0.8, 12.5, 9), tissue.CORTICAL_BONE)


def _eye(canvas: Canvas, side: float) -> None:
    canvas.ellipsoid((33 * side, -78, -26), (12.6, 12.6, 12.6), tissue.MUSCLE)
    canvas.ellipsoid((33 * side, -78, -26), (11.4, 11.4, 11.4), tissue.VITREOUS)
    canvas.ellipsoid((33 * side, -87, -26), (4.8, 2.4, 4.8), tissue.LENS)
    nerve = tube((32 * side, -66, -26, 2), (24 * side, -48, -25, 2), (12 * side, -26, -20, 2.2))
    walls = [
        tube((44 * side, -70, -26, 2), (36 * side, -48, -26, 2.6), (22 * side, -36, -25, 1.6)),
        tube((22 * side, -70, -26, 2), (20 * side, -50, -26, 2.6), (16 * side, -36, -25, 1.6)),
        tube((33 * side, -70, -13, 2), (28 * side, -50, -14, 2.4), (20 * side, -36, -22, 1.6)),
    ]
    canvas.tubes([nerve, *walls], tissue.MUSCLE)


def _base(canvas: Canvas) -> None:
    """Wings of the sphenoid, clivus and the bone around the great hole."""
    wings = [tube((12, -22, -18, 3.4), (34, -28, -16, 3), (56, -34, -10, 3.4))]
    canvas.tubes(wings + mirrored(wings), tissue.CORTICAL_BONE)
    clivus = [
        tube((side * 5, -12, -24, 5), (side * 6, 0, -40, 5.5), (side * 4, 8, -58, 4.5)) for side in (-1, 0, 1)
    ]
    canvas.tubes(clivus, tissue.CORTICAL_BONE)
    canvas.tubes(clivus, tissue.DIPLOE, grow_mm=-1.8)
    jaw = [
        tube(
            (50, -22, -58, 4.5),
            (48, -14, -80, 4.5),
            (46, -24, -110, 5),
            (24, -62, -122, 6),
            (0, -80, -124, 7),
            flat=1.6,
        )
    ]
    canvas.tubes(jaw + mirrored(jaw), tissue.CORTICAL_BONE)
    canvas.tubes(jaw + mirrored(jaw), tissue.DIPLOE, grow_mm=-1.8)
    throat = tube((0, -18, -56, 6), (0, -10, -76, 8), (0, -6, -120, 8))
    canvas.tubes([throat], tissue.MUCOSA, grow_mm=3)
    canvas.tubes([throat], tissue.AIR)


def _petrous(canvas: Canvas) -> None:
    for side in (-1.0, 1.0):
        ridge = tube((14 * side, -2, -38, 6), (36 * side, 14, -37, 8.5), (60 * side, 26, -40, 12), flat=1.1)
        canvas.tubes([ridge], tissue.CORTICAL_BONE)
        canvas.tubes([ridge], tissue.DIPLOE, grow_mm=-4.5)
        box = canvas.grid.box((60 * side - 16, 12, -70), (60 * side + 16, 50, -22))
        if box is None:
            continue
        grid = canvas.grid.crop(box)
        mastoid = ellipsoid_distance(grid, (60 * side, 31, -46), (11, 15, 20))
        canvas.fill(mastoid - 2, tissue.CORTICAL_BONE, box)
        canvas.fill(np.maximum(mastoid, (_CELLS.sample(grid) - 0.45) * 2.5), tissue.AIR, box)
        canvas.tubes(
            [tube((42 * side, 14, -42, 3), (60 * side, 10, -42, 3.4), (84 * side, 10, -42, 3.6))], tissue.AIR
        )
        canvas.tubes([tube((22 * side, 14, -35, 2.4), (34 * side, 14, -35, 2.4))], tissue.CSF)

"""The large surfaces of the torso: skin, rib cage, diaphragm, mediastinum, lungs, as signed distances in mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from farlight.demo.studies.canvas import common, ellipsoid_distance, rotation, union
from farlight.demo.studies.grid import Array, Grid
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.profile import profile

HEART_CENTRE = (24.0, -26.0, -6.0)
HEART_AXES = (62.0, 43.0, 46.0)
HEART_TURN = rotation(about_z=32, about_y=18)
_WAVES = NoiseField.seeded(11, 55)


@dataclass(frozen=True)
class TorsoShape:
    """The surfaces on one lattice; negative is inside."""

    grid: Grid

    @cached_property
    def waves(self) -> Array:
        """A slow noise that keeps every surface from being a formula."""
        return _WAVES.sample(self.grid)

    @cached_property
    def skin(self) -> Array:
        """The outside of the body."""
        x, y, z = self.grid.open()
        wide = profile(
            z,
            (-200, 158),
            (-60, 164),
            (40, 170),
            (110, 176),
            (145, 188),
            (166, 186),
            (184, 140),
            (198, 80),
            (215, 62),
        )
        deep = profile(z, (-200, 109), (-60, 114), (50, 115), (120, 106), (160, 90), (190, 68), (215, 62))
        middle = profile(z, (-200, 5), (60, 5), (130, 9), (175, 14), (215, 8))
        distance = _oval(x, y - middle, wide, deep, 2.35)
        groove = 5 * np.exp(-((x / 16) ** 2)) * np.clip(y / 60, 0, 1)
        shoulder = ellipsoid_distance(self.grid, (0, 14, 146), (214, 46, 44))
        distance = union(distance, shoulder, 24)
        return np.asarray(distance + groove + 0.6 * self.waves, np.float32)

    @cached_property
    def fat_mm(self) -> Array:
        """How thick the fat under the skin is."""
        x, y, z = self.grid.open()
        thick = profile(z, (-200, 19), (-80, 15), (60, 10), (150, 8))
        flank = np.exp(-(((np.abs(x) - 130) / 45) ** 2)) * 4
        front = np.clip(-y / 90, 0, 1) * 4
        return np.asarray(np.maximum(thick + flank + front + 1.5 * self.waves - 2, 3), np.float32)

    @cached_property
    def cage(self) -> Array:
        """The inside of the ribs, and below them of the wall of the belly."""
        x, y, z = self.grid.open()
        distance = _oval(x, y - cage_middle(z), cage_half_width(z), cage_half_depth(z), 2.25)
        return np.asarray(distance + 0.8 * self.waves, np.float32)

    @cached_property
    def dome(self) -> Array:
        """Height above the diaphragm: positive in the chest."""
        x, y, z = self.grid.open()
        right = _dome(x + 70, y + 12, -20, 88)
        left = _dome(x - 72, y + 8, -34, 84)
        saddle = _dome(x, y + 40, -54, 100)
        top = -union(union(-right, -left, 18), -saddle, 18)
        return np.asarray(z - top - 1.5 * self.waves, np.float32)

    @cached_property
    def heart(self) -> Array:
        """The pericardium."""
        return ellipsoid_distance(self.grid, HEART_CENTRE, HEART_AXES, HEART_TURN)

    @cached_property
    def mediastinum(self) -> Array:
        """Whatever lies between the lungs: great vessels, heart, gullet, spine."""
        x, y, z = self.grid.open()
        distance = union(self._middle(), self.heart - 3, 10)
        spine = np.hypot(x * 0.86, (y - spine_y(z))) - 22
        distance = union(distance, np.asarray(spine, np.float32), 8)
        aorta = np.hypot(x - 21, y - 29) - profile(z, (-200, 15), (60, 16.5), (100, 16), (112, 0), (130, -40))
        distance = union(distance, np.asarray(aorta, np.float32), 6)
        knob = ellipsoid_distance(self.grid, (14, -4, 88), (25, 46, 20), rotation(about_z=-24))
        hilum = union(
            ellipsoid_distance(self.grid, (-34, -2, 52), (13, 13, 22)),
            ellipsoid_distance(self.grid, (37, 4, 58), (12, 14, 20)),
        )
        return union(union(distance, knob, 6), hilum, 12)

    @cached_property
    def lungs(self) -> Array:
        """Both lungs, to the pleura."""
        inside = common(self.cage + 3.5, -(self.dome - 1), 2)
        return common(inside, -self.mediastinum, 5)

    @cached_property
    def oblique_fissure(self) -> Array:
        """Distance to the plane between upper and lower lobes; positive above and in front."""
        x, y, z = self.grid.open()
        slope = 0.95 + 0.12 * np.sign(x)
        plane = (
            (z - 18 - slope * (y - 10)) / np.float32(1.4) - 0.0012 * (np.abs(x) - 70) ** 2 - 4 * self.waves
        )
        return np.asarray(plane, np.float32)

    @cached_property
    def minor_fissure(self) -> Array:
        """Distance to the plane between the right upper and middle lobes."""
        x, y, z = self.grid.open()
        plane = z - 36 + 0.0016 * ((x + 70) ** 2 + (y + 30) ** 2) - 3 * self.waves
        hidden = np.where((x < 0) & (self.oblique_fissure > 0), 0, 50)
        return np.asarray(plane + hidden, np.float32)

    def _middle(self) -> Array:
        x, y, z = self.grid.open()
        left = profile(z, (-80, 26), (0, 26), (60, 31), (95, 33), (130, 34), (165, 30), (190, 40))
        right = profile(z, (-80, 22), (0, 24), (60, 32), (95, 34), (130, 33), (165, 30), (190, 40))
        closing = profile(z, (0, 0.25), (40, 0.7), (85, 0.62), (118, 0.2), (150, 0))
        front = 1 - closing * np.clip((-38 - y) / 26, 0, 1)
        recess = 1 - 0.45 * np.exp(-(((y - 30) / 16) ** 2)) * profile(z, (-90, 1), (40, 1), (70, 0))
        bulge = 3.5 * np.sin(y / 13 + z / 31 + np.sign(x)) + 3 * self.waves
        half = np.where(x > 0, left, right * recess) * front + bulge * np.clip((60 - y) / 20, 0, 1)
        return np.asarray(np.abs(x) - half, np.float32)


def spine_y(z: Array | float) -> Array:
    """Where the middle of the vertebral bodies is, back to front."""
    return profile(z, (-200, 36), (-140, 38), (-60, 47), (30, 54), (100, 48), (160, 34), (215, 24))


def cage_half_width(z: Array) -> Array:
    """Half width of the rib cage inside, mm."""
    return profile(
        z,
        (-200, 138),
        (-120, 141),
        (-40, 139),
        (30, 131),
        (80, 118),
        (115, 104),
        (140, 88),
        (157, 70),
        (168, 48),
        (180, 5),
    )


def cage_half_depth(z: Array) -> Array:
    """Half depth of the rib cage inside, mm."""
    return profile(
        z,
        (-200, 82),
        (-120, 88),
        (-40, 92),
        (30, 89),
        (80, 80),
        (115, 70),
        (140, 56),
        (157, 40),
        (168, 26),
        (180, 3),
    )


def cage_middle(z: Array) -> Array:
    """Middle of the rib cage, back to front, mm."""
    return profile(z, (-200, -6), (0, -4), (80, 2), (120, 8), (150, 18), (170, 24))


def _oval(x: Array, y: Array, wide: Array, deep: Array, power: float) -> Array:
    level = ((np.abs(x) / wide) ** power + (np.abs(y) / deep) ** power) ** (1 / power)
    level = np.maximum(level, 1e-3)
    return np.asarray(np.hypot(x, y) * (1 - 1 / level), np.float32)


def _dome(x: Array, y: Array, top: float, radius: float) -> Array:
    away = (x / radius) ** 2 + np.where(y > 0, y / 92, y / 118) ** 2
    return np.asarray(top - 62 * away**1.15, np.float32)

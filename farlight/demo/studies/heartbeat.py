"""A beating heart in four chambers as an ultrasound probe at the apex sees it: echo strength and flow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from farlight.demo.studies.grid import Array

Ellipse = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Beat:
    """One moment of the cycle: `phase` 0..1 from the R wave; `u` and `d` are mm sideways and from the probe."""

    u: Array
    d: Array
    phase: float

    @property
    def squeeze(self) -> float:
        """0 at the end of filling, 1 at the end of ejection (about 0.38 of the cycle)."""
        t = self.phase
        if t < 0.38:
            return float(np.sin(np.pi / 2 * t / 0.38) ** 2)
        return float(max(0.0, np.cos(np.pi / 2 * (t - 0.38) / 0.40)) ** 2 if t < 0.78 else 0.0)

    @property
    def valve(self) -> float:
        """How far the mitral valve is open, 0..1: early filling and the atrial kick."""
        t = self.phase
        return float(
            min(1.0, np.exp(-(((t - 0.54) / 0.08) ** 2)) + 0.7 * np.exp(-(((t - 0.88) / 0.05) ** 2)))
        )

    @cached_property
    def chambers(self) -> dict[str, Array]:
        """Level of each chamber: below 0 inside; roughly mm."""
        s = self.squeeze
        base = 104 - 9 * s
        return {
            "lv": self._oval((17, base - 41, 21.5 - 5.5 * s, 42 - 6 * s, -12)),
            "rv": self._oval((-24, base - 31, 15 - 3.5 * s, 33 - 5 * s, 10)),
            "la": self._oval((18, base + 21, 19 + 2.5 * s, 19 + 2 * s, 0)),
            "ra": self._oval((-23, base + 20, 18 + 2 * s, 18 + 1.5 * s, 0)),
        }

    def echo(self) -> Array:
        """Echo strength, 0..1."""
        level, base = self.chambers, 104 - 9 * self.squeeze
        ventricles = np.minimum(level["lv"], level["rv"])
        atria = np.minimum(level["la"], level["ra"])
        wall = np.minimum(np.minimum(level["lv"] - 10.5, level["rv"] - 5), atria - 3.5)
        echo = np.where(wall < 0, 0.30, 0.13).astype(np.float32)
        echo += 0.42 * np.exp(-(((wall - 1.5) / 1.6) ** 2))
        echo += 0.16 * np.exp(-((ventricles / 1.3) ** 2)) + 0.12 * np.exp(-((atria / 1.2) ** 2))
        mouths = np.minimum(self._mouth(18, base), self._mouth(-23, base))
        blood = np.minimum(np.minimum(ventricles, atria), mouths)
        echo *= np.where(blood < 0, 0.055, 1)
        return np.asarray(np.maximum(echo, self._leaflets()) * self._window(), np.float32)

    def flow_m_per_s(self) -> Array:
        """Velocity towards the probe, m/s: inflow through the mitral valve, outflow along the septum."""
        s, base = self.chambers["lv"], 104 - 9 * self.squeeze
        inflow = (
            0.85
            * self.valve
            * np.exp(-(((self.u - 18) / 8.5) ** 2))
            * np.exp(-(((self.d - base + 18) / 27) ** 2))
        )
        push = np.sin(np.pi * self.phase / 0.38) if self.phase < 0.38 else 0.0
        outflow = (
            -0.95 * push * np.exp(-(((self.u - 5) / 7) ** 2)) * np.exp(-(((self.d - base + 14) / 28) ** 2))
        )
        inside = np.minimum(np.minimum(s, self.chambers["la"] + 1), self._mouth(18, base)) < -0.5
        return np.asarray((inflow + outflow) * inside, np.float32)

    def _oval(self, shape: Ellipse) -> Array:
        u0, d0, a, b, tilt = shape
        c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        u, d = self.u - u0, self.d - d0
        level = np.hypot((c * u + s * d) / a, (c * d - s * u) / b)
        return np.asarray((level - 1) * min(a, b), np.float32)

    def _mouth(self, u0: float, base: float) -> Array:
        """The opening between atrium and ventricle, as wide as its valve is open."""
        half = 0.1 + 10.5 * self.valve
        return np.asarray(
            np.maximum(np.abs(self.u - u0) - half, np.abs(self.d - base - 1) - 9) + 1.0, np.float32
        )

    def _leaflets(self) -> Array:
        base = 104 - 9 * self.squeeze
        swing = np.radians(8 + 58 * self.valve)
        strong = np.zeros_like(self.u)
        for hinge, way in ((3.0, 1.0), (33.0, -1.0), (-9.0, -1.0), (-36.0, 1.0)):
            tip = (hinge + way * 15.5 * np.cos(swing), base - 15.5 * np.sin(swing))
            strong = np.maximum(strong, 0.6 * np.exp(-((self._line((hinge, base), tip) / 1.3) ** 2)))
        return np.asarray(strong, np.float32)

    def _line(self, start: tuple[float, float], end: tuple[float, float]) -> Array:
        du, dd = end[0] - start[0], end[1] - start[1]
        t = np.clip(((self.u - start[0]) * du + (self.d - start[1]) * dd) / (du * du + dd * dd), 0, 1)
        return np.asarray(np.hypot(self.u - start[0] - t * du, self.d - start[1] - t * dd), np.float32)

    def _window(self) -> Array:
        """Near-field glare, loss with depth and the shadows of ribs at the rims."""
        angle = np.arctan2(self.u, self.d)
        near = 1 + 1.6 * np.exp(-self.d / 7)
        rims = 1 - 0.75 * np.clip((np.abs(angle) - 0.46) / 0.2, 0, 1)
        return np.asarray(near * rims * np.exp(-self.d / 230), np.float32)

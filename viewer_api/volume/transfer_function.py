"""What is seen of a voxel: its colour, and how much of the light a millimetre of it stops (PS3.3 C.11.32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid
from viewer_api.render import Window

Point = tuple[float, float, float, float, float]
"""Modality value; red, green, blue and opacity of 1 mm, from 0 to 1."""
BY_WINDOW = "window"
PRESETS: dict[str, Sequence[Point]] = {
    "ct-bone": (
        (150, 0.55, 0.30, 0.20, 0.0),
        (230, 0.75, 0.50, 0.35, 0.06),
        (400, 0.92, 0.80, 0.62, 0.35),
        (900, 1.00, 0.96, 0.88, 0.80),
        (2000, 1.00, 1.00, 1.00, 0.95),
    ),
    "ct-vessel": (
        (110, 0.45, 0.05, 0.05, 0.0),
        (160, 0.70, 0.12, 0.10, 0.06),
        (280, 0.92, 0.35, 0.25, 0.40),
        (500, 0.98, 0.85, 0.70, 0.65),
        (1200, 1.00, 1.00, 0.98, 0.90),
    ),
    "ct-soft-tissue": (
        (-250, 0.80, 0.55, 0.45, 0.0),
        (-120, 0.90, 0.68, 0.55, 0.10),
        (20, 0.88, 0.58, 0.48, 0.30),
        (120, 0.85, 0.45, 0.38, 0.45),
        (400, 1.00, 0.95, 0.85, 0.90),
    ),
    "ct-lung": (
        (-980, 0.30, 0.40, 0.60, 0.0),
        (-920, 0.40, 0.55, 0.80, 0.006),
        (-700, 0.75, 0.80, 0.90, 0.02),
        (-450, 0.95, 0.75, 0.70, 0.05),
        (-300, 0.90, 0.60, 0.55, 0.0),
    ),
}
PRESET_NAMES = (*PRESETS, BY_WINDOW)
_STEPS = 1024


@dataclass(frozen=True)
class TransferFunction:
    """Tables over modality values from `low` on, `scale` entries a unit: `colours` `(n, 3)` and `opacities` `(n,)` of a
    sample that stands for the given length."""

    low: float
    scale: float
    colours: NDArray[np.float32]
    opacities: NDArray[np.float32]

    @property
    def least_seen(self) -> float:
        """Below this value nothing is seen."""
        first = int(np.flatnonzero(self.opacities)[0]) if self.opacities.any() else len(self.opacities)
        return self.low + (first - 1) / self.scale

    def entries(self, values: NDArray[np.float32]) -> NDArray[np.intp]:
        """Which entry holds for each value."""
        places = (values - np.float32(self.low)) * np.float32(self.scale)
        return np.asarray(np.clip(places, 0, len(self.opacities) - 1).astype(np.intp))


def transfer_function(preset: str | None, modality: str, window: Window, step_mm: float) -> TransferFunction:
    """By name; without one bone for CT, and for others what the window shows, the brighter the denser.

    Raises `Invalid` for a name that is not known.
    """
    name = preset or ("ct-bone" if modality == "CT" else BY_WINDOW)
    if name not in PRESET_NAMES:
        raise Invalid(f"preset is one of {', '.join(PRESET_NAMES)}", parameter="preset")
    points = np.array(PRESETS[name] if name in PRESETS else _by_window(window), np.float64)
    low, high = points[0, 0], points[-1, 0]
    values = np.linspace(low, high, _STEPS)
    channels = [np.interp(values, points[:, 0], points[:, each]) for each in range(1, 5)]
    opacities = 1 - (1 - channels[3]) ** step_mm
    return TransferFunction(
        float(low),
        (_STEPS - 1) / float(high - low),
        np.stack(channels[:3], axis=1).astype(np.float32),
        opacities.astype(np.float32),
    )


def _by_window(window: Window) -> Sequence[Point]:
    low, width = window.center - window.width / 2, window.width
    return (
        (low + 0.2 * width, 0.2, 0.2, 0.2, 0.0),
        (low + 0.5 * width, 0.6, 0.6, 0.6, 0.08),
        (low + width, 1.0, 1.0, 1.0, 0.4),
    )

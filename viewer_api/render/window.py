"""Windows: the three functions from modality values to brightness (PS3.3 C.11.2.1.2, C.11.2.1.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from storage.errors import Invalid

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class Window:
    """Center and width in modality values; raises `Invalid` for a width that the function does not allow."""

    center: float
    width: float
    function: WindowFunction = "LINEAR"

    def __post_init__(self) -> None:
        if self.function not in get_args(WindowFunction):
            raise Invalid("a window function is LINEAR, LINEAR_EXACT or SIGMOID")
        if not (math.isfinite(self.center) and math.isfinite(self.width)):
            raise Invalid("a window's center and width are finite numbers")
        if self.function == "LINEAR" and self.width < 1:
            raise Invalid("a LINEAR window is at least 1 wide; LINEAR_EXACT may be narrower")
        if self.width <= 0:
            raise Invalid("a window is wider than 0")

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Brightness from 0.0 to 1.0, of the shape of `values`."""
        values = values.astype(np.float64, copy=False)
        if self.function == "SIGMOID":
            # 40 is brightness 1 to the last bit of a double, and keeps exp from overflowing.
            steepness = np.clip(-4 * (values - self.center) / self.width, -40, 40)
            return np.asarray(1 / (1 + np.exp(steepness)))
        low, span = self._ramp()
        if span == 0:
            return np.asarray(values > low, dtype=np.float64)
        return np.clip((values - low) / span, 0, 1)

    def _ramp(self) -> tuple[float, float]:
        """The value below which all is dark, and how far it is from there to full brightness."""
        if self.function == "LINEAR":
            return self.center - 0.5 - (self.width - 1) / 2, self.width - 1
        return self.center - self.width / 2, self.width


def full_window(low: float, high: float) -> Window:
    """The LINEAR window that shows `low` as black and `high` as white."""
    return Window((low + high + 1) / 2, high - low + 1)

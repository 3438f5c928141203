"""A volume in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer_api.render import Window
from viewer_api.volume.grid import Grid


@dataclass(frozen=True)
class Volume:
    """`voxels` `(slices, rows, columns)` are stored values where one rescale holds for all, else modality values and
    the rescale is the identity: interpolating and comparing commute with it, and 16-bit voxels stay 16 bits.

    `inverse` says that small values are bright (MONOCHROME1); `window` is the volume's own.
    """

    grid: Grid
    voxels: NDArray[Any]
    slope: float
    intercept: float
    modality: str
    inverse: bool
    window: Window
    notices: tuple[str, ...] = ()
    _derived: dict[str, Any] = field(default_factory=dict, repr=False)
    _deriving: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def derived(self, name: str, make: Callable[[], Any]) -> Any:
        """What is made of the voxels once and kept as long as they are."""
        with self._deriving:
            if name not in self._derived:
                self._derived[name] = make()
            return self._derived[name]

    def modality_values(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """HU, counts, ... of samples of `voxels`, in float32."""
        values = samples.astype(np.float32, copy=False)
        if self.slope != 1:
            values = values * np.float32(self.slope)
        return values + np.float32(self.intercept) if self.intercept else values

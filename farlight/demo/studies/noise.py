"""Seeded noise: smooth fields that bend anatomy, and the grain of a scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from farlight.demo.studies.grid import Array, Grid

_CELLS = 64


@dataclass(frozen=True)
class NoiseField:
    """A periodic band-limited field with zero mean and unit deviation; its bumps are about `wavelength_mm` apart."""

    cells: Array
    cell_mm: float

    @classmethod
    def seeded(cls, seed: int, wavelength_mm: float, narrow: bool = False) -> NoiseField:
        """`narrow` keeps one wavelength only, which folds like a cortex; otherwise all longer ones too."""
        rng = np.random.default_rng(seed)
        spectrum = np.fft.rfftn(rng.standard_normal((_CELLS,) * 3, dtype=np.float32))
        f, h = np.fft.fftfreq(_CELLS), np.fft.rfftfreq(_CELLS)
        radius = np.sqrt(f[:, None, None] ** 2 + f[None, :, None] ** 2 + h[None, None, :] ** 2)
        keep = np.exp(-(((radius - 0.2) / 0.05) ** 2)) if narrow else np.exp(-((radius / 0.2) ** 2))
        cells = np.fft.irfftn(spectrum * keep, s=(_CELLS,) * 3, axes=(0, 1, 2))
        cells -= cells.mean()
        return cls((cells / cells.std()).astype(np.float32), wavelength_mm * 0.2)

    def sample(self, grid: Grid) -> Array:
        """Its values at the points of a lattice, linear between cells."""
        values = self.cells
        for axis, places in enumerate((grid.z, grid.y, grid.x)):
            values = _along(values, axis, places / np.float32(self.cell_mm))
        return values


def grain(seed: int, size: int, sharpness: float = 1.0) -> Array:
    """(size, size) of the grain of filtered back projection: little power at the lowest frequencies, unit deviation."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    radius = np.sqrt(np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size)[None, :] ** 2)
    shape = np.sqrt(radius + 0.01) * np.exp(-((radius / (0.22 * sharpness)) ** 2))
    field = np.fft.irfft2(spectrum * shape, s=(size, size))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def mixed_grain(pool: list[Array], seed: int, shape: tuple[int, int]) -> Array:
    """A fresh grain from a pool of square periodic ones, each larger than `shape`: two, shifted and added."""
    rng = np.random.default_rng(seed)
    first, second = (pool[i] for i in rng.choice(len(pool), 2, replace=False))
    parts = []
    for whole in (first, second):
        row, column = (int(rng.integers(0, n - part + 1)) for n, part in zip(whole.shape, shape, strict=True))
        parts.append(whole[row : row + shape[0], column : column + shape[1]])
    return np.asarray((parts[0] + parts[1]) * np.float32(np.sqrt(0.5)), np.float32)


def _along(values: Array, axis: int, places: Array) -> Array:
    low = np.floor(places)
    share = (places - low).astype(np.float32)
    index = low.astype(np.int64) % values.shape[axis]
    shape = [1, 1, 1]
    shape[axis] = -1
    share = share.reshape(shape)
    near, far = values.take(index, axis), values.take((index + 1) % values.shape[axis], axis)
    return np.asarray(near + share * (far - near), np.float32)

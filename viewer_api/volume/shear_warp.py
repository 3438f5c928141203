"""Looking through a volume from any angle: slices are sheared so that lines of sight run straight through them, laid
over one another, and the result is warped into the picture (Lacroute and Levoy 1994).

Work is done slice by slice along the axis that is nearest to the line of sight, with arrays of a slice's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viewer_api.volume.reduced import Reduced
from viewer_api.volume.vectors import Vector
from viewer_api.volume.view_plane import ViewPlane


@dataclass(frozen=True)
class Sheared:
    """Slices along `axis` of a volume, sheared: slice `i` lies `offset + shear * i` voxels from the first pixel of the
    sheared picture, whose shape is `shape`; `order` is from the viewer on, `step_mm` from slice to slice along the
    line of sight."""

    volume: Reduced
    axis: int
    ray: Vector
    shear: NDArray[np.float64]
    offset: NDArray[np.float64]
    shape: tuple[int, int]
    order: tuple[int, ...]
    step_mm: float

    @property
    def slices(self) -> NDArray[Any]:
        """The volume with its axis first."""
        return np.moveaxis(self.volume.voxels, self.axis, 0)


@dataclass(frozen=True)
class Layer:
    """One slice where it lies in the sheared picture: `values` belong at `place`, a pair of slices."""

    index: int
    values: NDArray[np.float32]
    place: tuple[slice, slice]


def sheared(volume: Reduced, forward: Vector) -> Sheared:
    """For a line of sight, a unit vector."""
    ray = np.linalg.inv(volume.steps) @ forward
    axis = int(np.argmax(np.abs(ray)))
    others = [each for each in range(3) if each != axis]
    count = volume.voxels.shape[axis]
    shear = -ray[others] / ray[axis]
    offset = np.maximum(0.0, -shear * (count - 1))
    room = np.ceil(np.abs(shear) * (count - 1)).astype(int) + 1
    shape = (volume.voxels.shape[others[0]] + int(room[0]), volume.voxels.shape[others[1]] + int(room[1]))
    order = tuple(range(count) if ray[axis] > 0 else range(count - 1, -1, -1))
    return Sheared(volume, axis, ray, shear, offset, shape, order, 1 / abs(float(ray[axis])))


def layers(view: Sheared, least: float | None = None) -> Iterator[Layer]:
    """All slices from the viewer on; those without a voxel of at least `least` are left out."""
    slices = view.slices
    for index in view.order:
        if least is not None and slices[index].max() < least:
            continue
        start = view.offset + view.shear * index
        whole = np.floor(start).astype(int)
        values = _shifted(slices[index].astype(np.float32), *(start - whole))
        first = whole + 1
        rows, columns = (
            slice(low, low + size) for low, size in zip(first.tolist(), values.shape, strict=True)
        )
        yield Layer(index, values, (rows, columns))


def _shifted(values: NDArray[np.float32], down: float, right: float) -> NDArray[np.float32]:
    """Moved by parts of a voxel; one row and one column fewer, as only what lies between voxels is known."""
    between = values[1:] + (values[:-1] - values[1:]) * np.float32(down)
    return np.asarray(between[:, 1:] + (between[:, :-1] - between[:, 1:]) * np.float32(right))


def warped(view: Sheared, image: Image.Image, plane: ViewPlane, fill: Any) -> Image.Image:
    """The sheared picture as the plane sees it, `fill` where there is nothing."""
    inverse = np.linalg.inv(view.volume.steps)
    others = [each for each in range(3) if each != view.axis]

    def place(vector: Vector) -> NDArray[np.float64]:
        index = inverse @ vector
        along = index[view.axis] / view.ray[view.axis]
        return np.asarray(index[others] - view.ray[others] * along)

    start = place(plane.origin - view.volume.origin) + view.offset
    across, down = (place(plane.spacing_mm * each) for each in (plane.right, plane.down))
    terms: list[float] = []
    for axis in (1, 0):
        # Pillow counts from the borders of pixels, we from their centres
        aside = start[axis] + 0.5 - 0.5 * across[axis] - 0.5 * down[axis]
        terms += [across[axis], down[axis], aside]
    return image.transform(
        (plane.width, plane.height),
        Image.Transform.AFFINE,
        terms,
        Image.Resampling.BILINEAR,
        fillcolor=fill,
    )

"""Projections of all of a volume: the brightest, the darkest, or the mean along each line of sight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viewer_api.render import Window
from viewer_api.render.window import full_window
from viewer_api.volume.aligned import aligned_samples, is_aligned
from viewer_api.volume.reduced import FINE, reduced
from viewer_api.volume.shear_warp import Sheared, layers, sheared, warped
from viewer_api.volume.slab import Method
from viewer_api.volume.view_plane import ViewPlane
from viewer_api.volume.volume import Volume

_NOTHING = float("nan")


def projected(volume: Volume, plane: ViewPlane, method: Method, max_side: int = FINE) -> NDArray[np.float32]:
    """Modality values `(height, width)`, NaN where a line of sight misses the volume.

    Along the voxels' own axes every voxel is looked at, else those of the reduced volume.
    """
    if is_aligned(volume.grid, plane):
        furthest = np.abs((volume.grid.corners() - plane.origin) @ plane.forward).max()
        return volume.modality_values(aligned_samples(volume, plane, 2 * float(furthest) + 1, method))
    view = sheared(reduced(volume, method, max_side), plane.forward)
    seen = warped(view, Image.fromarray(_laid_over(view, method)), plane, _NOTHING)
    return volume.modality_values(np.asarray(seen))


def projection_window(values: NDArray[np.float32]) -> Window:
    """What a projection is shown by where nobody says: its own range. An image's window is made for thin slices."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, (2, 99.8)) if known.size else (0.0, 1.0)
    return full_window(float(low), float(high))


def _laid_over(view: Sheared, method: Method) -> NDArray[np.float32]:
    """Stored values of the sheared picture, NaN where no line of sight meets the volume."""
    if method == "AVERAGE_IP":
        return _mean(view)
    combine, start = (np.maximum, -np.inf) if method == "MAXIMUM_IP" else (np.minimum, np.inf)
    found = np.full(view.shape, start, np.float32)
    for layer in layers(view):
        combine(found[layer.place], layer.values, out=found[layer.place])
    return np.where(np.isfinite(found), found, np.float32(np.nan))


def _mean(view: Sheared) -> NDArray[np.float32]:
    total, count = np.zeros(view.shape, np.float32), np.zeros(view.shape, np.float32)
    for layer in layers(view):
        total[layer.place] += layer.values
        count[layer.place] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))

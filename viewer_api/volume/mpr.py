"""Multi-planar reconstruction: a plane or a slab through a volume (PS3.3 C.11.26)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from viewer_api.volume.aligned import aligned_samples, is_aligned
from viewer_api.volume.oblique import oblique_samples
from viewer_api.volume.slab import Method
from viewer_api.volume.view_plane import ViewPlane
from viewer_api.volume.volume import Volume


def mpr_values(
    volume: Volume, plane: ViewPlane, thickness_mm: float = 0.0, method: Method = "AVERAGE_IP"
) -> NDArray[np.float32]:
    """Modality values `(height, width)` of a slab around the plane, NaN outside of the volume.

    A `thickness_mm` of 0 is a plane without thickness. Exact on the lines between voxels, whatever the spacing of
    slices and the tilt of the gantry.
    """
    take = aligned_samples if is_aligned(volume.grid, plane) else oblique_samples
    return volume.modality_values(take(volume, plane, thickness_mm, method))

"""Volume rendering: colours and opacities laid over one another from the viewer on, lit from where the viewer is.

Only pixels at which there is something to see, and before which nothing opaque lies, are worked on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viewer_api.render import Window
from viewer_api.volume.reduced import COARSE, reduced
from viewer_api.volume.shear_warp import Layer, Sheared, layers, sheared, warped
from viewer_api.volume.transfer_function import TransferFunction, transfer_function
from viewer_api.volume.view_plane import ViewPlane
from viewer_api.volume.volume import Volume

_BARELY_SEEN = 0.004
_OPAQUE = 0.02
"""Where less than this part of the light passes, what lies behind is not looked at."""
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.25, 0.7, 0.25, 16


def composed(volume: Volume, plane: ViewPlane, window: Window, preset: str | None) -> Image.Image:
    """RGB on black. Raises `Invalid` for a preset that is not known."""
    view = sheared(reduced(volume, "VOLUME_RENDERED", COARSE), plane.forward)
    seen = transfer_function(preset, volume.modality, window, view.step_mm)
    light = np.zeros((*view.shape, 3), np.float32)
    passing = np.ones(view.shape, np.float32)
    least = (seen.least_seen - volume.intercept) / volume.slope
    shading = _Shading(view, plane)
    for layer in layers(view, least):
        _lay(volume, layer, seen, light[layer.place], passing[layer.place], shading)
    image = Image.fromarray(np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8))
    return warped(view, image, plane, (0, 0, 0))


class _Shading:
    """How much light a surface throws back: by the angle between the steepest way up in values and the light."""

    def __init__(self, view: Sheared, plane: ViewPlane) -> None:
        self._slices = view.slices
        order = [view.axis, *(each for each in range(3) if each != view.axis)]
        steps = view.volume.steps[:, order]
        self._to_patient = np.linalg.inv(steps).T
        self._forward = plane.forward
        self._shift = (view.offset, view.shear)

    def __call__(self, layer: Layer, active: NDArray[np.intp]) -> NDArray[np.float32]:
        """Brightness of some pixels of a layer, `(2, n)`: of their own colour, and of the light's."""
        gradient = self._gradient(layer, active)
        length = np.sqrt((gradient**2).sum(axis=0)) + np.float32(1e-6)
        facing = np.abs(self._forward.astype(np.float32) @ gradient) / length
        return np.stack([_AMBIENT + _DIFFUSE * facing, _SPECULAR * facing**_SHININESS]).astype(np.float32)

    def _gradient(self, layer: Layer, active: NDArray[np.intp]) -> NDArray[np.float32]:
        """In the patient, `(3, n)`, from the nearest voxels' neighbours."""
        count, rows, columns = self._slices.shape
        row, column = np.divmod(active, layer.values.shape[1])
        row, column = np.clip(row + 1, 1, rows - 2), np.clip(column + 1, 1, columns - 2)
        before, behind = max(layer.index - 1, 0), min(layer.index + 1, count - 1)
        here = self._slices[layer.index]
        along = _difference(self._slices[behind][row, column], self._slices[before][row, column])
        down = _difference(here[row + 1, column], here[row - 1, column])
        across = _difference(here[row, column + 1], here[row, column - 1])
        return np.asarray(self._to_patient.astype(np.float32) @ np.stack([along, down, across]))


def _difference(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float32]:
    return one.astype(np.float32) - other.astype(np.float32)


def _lay(
    volume: Volume,
    layer: Layer,
    seen: TransferFunction,
    light: NDArray[np.float32],
    passing: NDArray[np.float32],
    shading: _Shading,
) -> None:
    """One layer behind those before it; `light` and `passing` are changed."""
    entries = seen.entries(volume.modality_values(layer.values))
    opacity = seen.opacities[entries]
    active = np.flatnonzero((opacity > _BARELY_SEEN) & (passing > _OPAQUE))
    if not active.size:
        return
    place = np.unravel_index(active, opacity.shape)
    own, gloss = shading(layer, active)
    colours = seen.colours[entries[place]] * own[:, np.newaxis] + gloss[:, np.newaxis]
    stopped = passing[place] * opacity[place]
    light[place] += stopped[:, np.newaxis] * colours
    passing[place] -= stopped

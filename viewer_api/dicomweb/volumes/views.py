"""From what is asked to where the picture lies."""

from __future__ import annotations

from storage.errors import Invalid
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.volumes.asked import Asked
from viewer_api.render.picture import fitted_size
from viewer_api.volume.grid import Grid
from viewer_api.volume.picture import cut_out, scaled
from viewer_api.volume.vectors import vector
from viewer_api.volume.view import View, view_between, view_from
from viewer_api.volume.view_plane import MAX_SIDE, ViewPlane

_FROM_THE_FRONT = "a"


def asked_view(grid: Grid, asked: Asked) -> View:
    """By points, or from a side towards the middle voxel; from the front where nothing is said. Raises `Invalid`."""
    if asked.position is None or asked.look_at is None:
        view = view_from(asked.orientation or _FROM_THE_FRONT, grid.centre)
    else:
        view = view_between(vector(asked.position), vector(asked.look_at), vector(asked.up))
    return view.moved(asked.offset_mm)


def shown_plane(whole: ViewPlane, rendering: Rendering) -> tuple[ViewPlane, tuple[int, int]]:
    """Where samples are taken, and the size of the picture that is made of them.

    What is enlarged is sampled that much finer; what is made smaller is sampled as it is, then scaled. Raises `Invalid`
    for a part outside of the volume.
    """
    plane, region = whole, rendering.region
    if region is not None:
        width = whole.width - region.left if region.width is None else region.width
        height = whole.height - region.top if region.height is None else region.height
        plane = cut_out(whole, region.left, region.top, width, height)
    if rendering.options.viewport is None:
        return plane, (plane.width, plane.height)
    size = fitted_size(plane.width, plane.height, rendering.options.viewport)
    if max(size) > MAX_SIDE:
        raise Invalid(f"a volume's picture has up to {MAX_SIDE} pixels a side", parameter="viewport")
    return (scaled(plane, size) if size[0] > plane.width else plane), size

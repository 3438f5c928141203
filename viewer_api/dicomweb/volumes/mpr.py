"""Rendered MPR (PS3.18 10.4.1.1.7)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from storage.errors import Invalid
from viewer_api.dicomweb.volumes.asked import Asked
from viewer_api.dicomweb.volumes.rendering import Answer, Meant
from viewer_api.dicomweb.volumes.told import Told
from viewer_api.dicomweb.volumes.views import asked_view, shown_plane
from viewer_api.render.picture import encoded
from viewer_api.volume.grid import Grid
from viewer_api.volume.mpr import mpr_values
from viewer_api.volume.picture import fitted, grey, scaled
from viewer_api.volume.slab import Method
from viewer_api.volume.view import View
from viewer_api.volume.view_plane import ViewPlane, depth_range, rectangle_plane, view_plane
from viewer_api.volume.volume import Volume


def rendered_mpr(meant: Meant) -> Answer:
    """A plane or slab. Raises `Invalid`, `Unavailable` ``BUSY``, and what reading the slices raises."""
    asked = meant.asked
    method = asked.method or "AVERAGE_IP"
    if method == "VOLUME_RENDERED":
        raise Invalid("an MPR is a projection, not volume rendered", parameter="renderingmethod")
    if asked.swivel is not None:
        raise Invalid("only 3-D renderings swivel", parameter="swivelrange")
    with meant.volume() as volume:
        return _rendered(volume, asked, method)


def _rendered(volume: Volume, asked: Asked, method: Method) -> Answer:
    grid, options = volume.grid, asked.rendering.options
    view, whole = _view_and_plane(grid, asked)
    plane, size = shown_plane(whole, asked.rendering)
    window = options.window or volume.window
    told = Told(
        "MPR",
        method,
        view,
        scaled(plane, size),
        grid.frame_of_reference_uid,
        window,
        asked.slab_mm,
        _offsets(volume, view),
        notices=volume.notices,
    )
    if asked.metadata_only:
        return Answer(told, options.media_type)
    values = mpr_values(volume, plane, asked.slab_mm or 0.0, method)
    image = fitted(Image.fromarray(grey(values, window, inverse=volume.inverse != options.invert)), size)
    return Answer(told, options.media_type, encoded(image, options))


def _view_and_plane(grid: Grid, asked: Asked) -> tuple[View, ViewPlane]:
    if asked.rectangle is not None:
        return asked.rectangle.view, rectangle_plane(grid, asked.rectangle)
    view = asked_view(grid, asked)
    return view, view_plane(grid, view)


def _offsets(volume: Volume, view: View) -> tuple[float, float, float, float]:
    """Of the plane from the volume's middle, and where planes begin, end, and how far they are apart."""
    grid = volume.grid
    now = float((view.look_at - grid.centre) @ view.forward)
    first, last = depth_range(grid, view)
    axes = np.array(grid.axes) @ view.forward
    step = grid.voxel_mm[int(np.argmax(np.abs(axes)))]
    return now, now + first, now + last, step

"""Rendered 3-D (PS3.18 10.4.1.1.8): all of a volume from one side, or from several in turn."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from storage.errors import Invalid
from viewer_api.dicomweb.volumes.asked import GIF, Asked, Swivel
from viewer_api.dicomweb.volumes.rendering import Answer, Meant
from viewer_api.dicomweb.volumes.told import Told
from viewer_api.dicomweb.volumes.views import asked_view, shown_plane
from viewer_api.render import Window
from viewer_api.render.picture import encoded, fitted_size
from viewer_api.volume.compositing import composed
from viewer_api.volume.picture import fitted, grey, scaled
from viewer_api.volume.projection import projected, projection_window
from viewer_api.volume.reduced import COARSE, FINE, reduced
from viewer_api.volume.slab import Method
from viewer_api.volume.transfer_function import PRESET_NAMES
from viewer_api.volume.view import View
from viewer_api.volume.view_plane import ViewPlane, turning_plane, view_plane
from viewer_api.volume.volume import Volume
from viewer_api.volume.waiting_line import WaitingLine

_line = WaitingLine(at_once=2)
_ANIMATED_SIDE = 384
"""Pixels of an animation that nobody gave a viewport."""


def rendered_3d(meant: Meant) -> Answer:
    """A projection or a volume rendering. Raises `Invalid`, `Unavailable` ``BUSY``, and what reading slices raises."""
    asked = meant.asked
    if asked.rectangle is not None:
        raise Invalid("this presentation state shows a plane: ask for renderedmpr", code="NOT_RENDERABLE")
    method = asked.method or "VOLUME_RENDERED"
    if asked.slab_mm is not None:
        raise Invalid("only MPRs are slabs", parameter="mprslab")
    if asked.preset is not None and asked.preset not in PRESET_NAMES:
        raise Invalid(f"preset is one of {', '.join(PRESET_NAMES)}", parameter="preset")
    with meant.volume() as volume, _line.turn():
        if asked.swivel is not None:
            return _animated(volume, asked, method, asked.swivel)
        return _still(volume, asked, method)


def _still(volume: Volume, asked: Asked, method: Method) -> Answer:
    options = asked.rendering.options
    view = asked_view(volume.grid, asked)
    plane, size = shown_plane(view_plane(volume.grid, view), asked.rendering)
    image, window = _image(volume, plane, method, asked)
    told = _told(volume, asked, method, view, scaled(plane, size), window)
    if asked.metadata_only:
        return Answer(told, options.media_type)
    return Answer(told, options.media_type, encoded(fitted(image, size), options))


def _animated(volume: Volume, asked: Asked, method: Method, swivel: Swivel) -> Answer:
    """As many pictures as the range has steps, about the middle view (PS3.18 8.3.5.3.9)."""
    if asked.rendering.region is not None:
        raise Invalid("an animation shows all of the volume", parameter="viewport")
    view = asked_view(volume.grid, asked)
    plane = turning_plane(volume.grid, view, reduced(volume, method, COARSE).voxel_mm)
    viewport = asked.rendering.options.viewport or (_ANIMATED_SIDE, _ANIMATED_SIDE)
    plane = scaled(plane, fitted_size(plane.width, plane.height, viewport))
    told = _told(volume, asked, method, view, plane, None)
    if asked.metadata_only:
        return Answer(told, GIF)
    count = max(2, round(swivel.range_degrees / swivel.step_degrees))
    angles = [(index - (count - 1) / 2) * swivel.step_degrees for index in range(count)]
    return Answer(told, GIF, _gif(volume, asked, method, plane, view, angles, swivel.rate))


def _gif(
    volume: Volume,
    asked: Asked,
    method: Method,
    plane: ViewPlane,
    view: View,
    angles: list[float],
    rate: int,
) -> bytes:
    pictures = [
        _image(volume, _turned(plane, view, angle), method, asked)[0].convert(
            "P", palette=Image.Palette.ADAPTIVE
        )
        for angle in angles
    ]
    out = io.BytesIO()
    pictures[0].save(
        out, "gif", save_all=True, append_images=pictures[1:], duration=round(1000 / rate), loop=0
    )
    return out.getvalue()


def _turned(plane: ViewPlane, view: View, degrees: float) -> ViewPlane:
    """The plane as the turned camera has it, about the same point."""
    turned = view.turned(degrees)
    middle = ((plane.width - 1) / 2, (plane.height - 1) / 2)
    moved = replace(plane, right=turned.right, down=turned.down, forward=turned.forward)
    aside = plane.spacing_mm * (middle[0] * turned.right + middle[1] * turned.down)
    return replace(moved, origin=view.look_at - aside)


def _image(
    volume: Volume, plane: ViewPlane, method: Method, asked: Asked
) -> tuple[Image.Image, Window | None]:
    given = asked.rendering.options.window
    if method == "VOLUME_RENDERED":
        return composed(volume, plane, given or volume.window, asked.preset), None
    values = projected(volume, plane, method, COARSE if asked.swivel else FINE)
    window = given or projection_window(values)
    return Image.fromarray(grey(values, window, inverse=volume.inverse)), window


def _told(
    volume: Volume, asked: Asked, method: Method, view: View, plane: ViewPlane, window: Window | None
) -> Told:
    return Told(
        "3D_RENDERING",
        method,
        view,
        plane,
        volume.grid.frame_of_reference_uid,
        window,
        None,
        None,
        asked.swivel,
        volume.notices,
    )

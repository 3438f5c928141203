"""From stored frame to picture on a screen, in the order of PS3.4 N.2: no HTTP, no database, no files."""

from viewer_api.render.display import display_values
from viewer_api.render.frame import can_render, decode_frame, transcode_frame
from viewer_api.render.modality import modality_values
from viewer_api.render.options import RenderOptions
from viewer_api.render.picture import Picture, render_frame
from viewer_api.render.pixel_format import MAX_SAMPLES
from viewer_api.render.window import Window, WindowFunction

__all__ = [
    "MAX_SAMPLES",
    "Picture",
    "RenderOptions",
    "Window",
    "WindowFunction",
    "can_render",
    "decode_frame",
    "display_values",
    "modality_values",
    "render_frame",
    "transcode_frame",
]

"""Video: the stream itself, and as its small picture the icon that the device put beside it."""

from __future__ import annotations

from fastapi import Response
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from storage.bulkdata import complete_header
from storage.errors import Error
from viewer_api.dicomweb.objects.ask import Ask, Renderer
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.video import require_video_frame, video_response
from viewer_api.render import Picture, render_frame
from viewer_api.render.attributes import first_item

_ICON_GROUP = frozenset({"0088"})
_MAX_ICON_SIDE = 1024


def stream(ask: Ask) -> Response:
    """The stream, for the instance and for its frame 1."""
    if ask.frame_number is not None:
        require_video_frame(str(ask.frame_number))
    return video_response(ask.request, ask.caller, ask.found)


def icon(ask: Ask, rendering: Rendering) -> Picture | None:
    """The first uncompressed image of (0088,0200) IconImageSequence (PS3.3 C.7.6.1.1.6), the only still picture that
    needs no video decoder."""
    try:
        item = first_item(complete_header(ask.archive, ask.found, _ICON_GROUP), "IconImageSequence")
        return None if item is None else _icon(item, rendering)
    except Error:
        return None


def _icon(item: Dataset, rendering: Rendering) -> Picture | None:
    pixels = item.get("PixelData")
    sides = (item.get("Rows"), item.get("Columns"))
    if not isinstance(pixels, bytes) or not all(
        isinstance(side, int) and side <= _MAX_ICON_SIDE for side in sides
    ):
        return None
    return render_frame(
        item,
        pixels,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        frame_number=1,
        options=rendering.options,
    )


VIDEO = Renderer(stream, icon, symbol="play")

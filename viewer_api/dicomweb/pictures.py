"""Pictures of what is stored: the frame, the header with all that rendering needs, and the options, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from storage.archive import Archive
from storage.retrieve import StoredInstance, first_value
from viewer_api.dicomweb.annotation import with_annotation
from viewer_api.dicomweb.crop import UNCROPPED, cropped, whole_options
from viewer_api.dicomweb.media_types import is_native
from viewer_api.dicomweb.native_frames import floating_vr, frame_syntax, stored_frame
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.render_header import render_header
from viewer_api.kept_in_memory import KeptInMemory
from viewer_api.render import Picture, render_frame
from viewer_api.render.aspect import pixel_aspect
from viewer_api.render.picture import Keep
from viewer_api.render.pixel_format import PixelFormat

PICTURE_BYTES = 32 << 20
"""Of pictures as they were sent, in each process."""
DECODED_BYTES = 64 << 20
"""Of frames as they were decoded: whoever drags the window asks for the same slice again and again."""
_decoded: KeptInMemory[NDArray[Any]] = KeptInMemory(DECODED_BYTES, lambda values: values.nbytes)
_pictures: KeptInMemory[Picture] = KeptInMemory(PICTURE_BYTES, lambda made: len(made.content))


def picture(archive: Archive, found: StoredInstance, frame_number: int, rendering: Rendering) -> Picture:
    """One frame, from 1; made once if several ask for it, and kept for a while.

    Raises `Invalid` ``NOT_RENDERABLE``, `NotFound` for a frame that is not there.
    """
    key = (found.blob_key, found.sha256, found.charset, frame_number, rendering)
    return _pictures.get(key, lambda: _made(archive, found, frame_number, rendering))


def _made(archive: Archive, found: StoredInstance, frame_number: int, rendering: Rendering) -> Picture:
    if not rendering.annotation:
        return _shown(archive, found, frame_number, rendering)
    bare = replace(rendering, options=replace(rendering.options, media_type=UNCROPPED))
    made = _shown(archive, found, frame_number, bare)
    return with_annotation(archive, found, frame_number, made, rendering)


def _shown(archive: Archive, found: StoredInstance, frame_number: int, rendering: Rendering) -> Picture:
    """Without words."""
    frame = stored_frame(archive, found, frame_number)
    header = render_header(archive, found)
    region = rendering.region
    whole = render_frame(
        header,
        frame.data,
        transfer_syntax_uid=frame_syntax(found),
        frame_number=frame_number,
        options=rendering.options if region is None else whole_options(rendering),
        bit_offset=frame.bit_offset,
        pixel_vr=floating_vr(archive, found, header),
        keep=None if is_native(found.transfer_syntax_uid) else _keep(found, frame_number),
    )
    if region is None:
        return whole
    aspect = pixel_aspect(header, frame_number=frame_number)
    return cropped(whole, region, rendering.options, aspect=aspect)


def _keep(found: StoredInstance, frame_number: int) -> Keep:
    def keep(form: PixelFormat, decode: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        return _decoded.get((found.blob_key, found.sha256, frame_number, form), lambda: _shared(decode()))

    return keep


def _shared(values: NDArray[Any]) -> NDArray[Any]:
    values.flags.writeable = False
    return values


def representative_frame(archive: Archive, found: StoredInstance) -> int:
    """(0028,6010) RepresentativeFrameNumber, else the first."""
    return representative_frame_number(archive, found) or 1


def representative_frame_number(archive: Archive, found: StoredInstance) -> int | None:
    """(0028,6010), None where it is not told or there is no such frame."""
    if found.number_of_frames == 1:
        return None
    value = first_value(archive, found, "00286010")
    return value if isinstance(value, int) and 1 <= value <= found.number_of_frames else None

"""Stored values of one frame, with the header that tells what they mean."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from pydicom import Dataset

from storage.archive import Archive
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.native_frames import floating_vr, frame_syntax, stored_frame
from viewer_api.dicomweb.render_header import render_header
from viewer_api.render import decode_frame


def decoded(archive: Archive, found: StoredInstance, frame_number: int) -> tuple[Dataset, NDArray[Any]]:
    """The header and the values `(rows, columns[, 3])`. Raises what `stored_frame` and `decode_frame` raise."""
    frame = stored_frame(archive, found, frame_number)
    header = render_header(archive, found)
    values = decode_frame(
        header,
        frame.data,
        transfer_syntax_uid=frame_syntax(found),
        frame_number=frame_number,
        bit_offset=frame.bit_offset,
        pixel_vr=floating_vr(archive, found, header),
    )
    return header, values

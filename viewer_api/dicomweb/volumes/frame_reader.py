"""A frame's stored values from what is kept."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from pydicom import Dataset

from storage.archive import Archive
from viewer_api.dicomweb.native_frames import floating_vr, frame_syntax, stored_frame
from viewer_api.render import decode_frame
from viewer_api.volume.loading import FrameReader
from viewer_api.volume.source import SourceFrame


def frame_reader(archive: Archive) -> FrameReader:
    """Reads from this archive."""

    def read(frame: SourceFrame, header: Dataset) -> NDArray[Any]:
        stored = stored_frame(archive, frame.found, frame.number)
        return decode_frame(
            header,
            stored.data,
            transfer_syntax_uid=frame_syntax(frame.found),
            frame_number=frame.number,
            bit_offset=stored.bit_offset,
            pixel_vr=floating_vr(archive, frame.found, header),
        )

    return read

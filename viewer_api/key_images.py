"""Key images as they are printed: rendered with the window the reader had."""

from __future__ import annotations

from storage.archive import Archive
from storage.errors import Error
from storage.retrieve import StoredInstance, read_frame
from viewer_api.render import RenderOptions, Window, render_frame
from worklist.reports.compose import PictureOf

_PRINTED = (1000, 1000)
_QUALITY = 90


def picture_of(archive: Archive) -> PictureOf:
    """A renderer for `worklist.reports`, which knows no pixels."""

    def render(
        found: StoredInstance, frame_number: int, window: list[float] | None
    ) -> tuple[bytes, bool] | None:
        try:
            frame = read_frame(archive, found, frame_number)
            if frame is None:
                return None
            options = RenderOptions(
                window=Window(window[0], window[1]) if window else None, viewport=_PRINTED, quality=_QUALITY
            )
            picture = render_frame(
                found.header,
                frame.data,
                transfer_syntax_uid=found.transfer_syntax_uid,
                frame_number=frame_number,
                options=options,
                bit_offset=frame.bit_offset,
            )
        except Error:
            return None  # the report is signed without this picture rather than not at all
        return picture.content, True

    return render

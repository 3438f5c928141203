"""Key images as they are printed: rendered with the window the reader had."""

from __future__ import annotations

from storage.archive import Archive
from storage.errors import Error
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.pictures import picture
from viewer_api.render import RenderOptions, Window
from worklist.reports.compose import PictureOf

_PRINTED = (1000, 1000)
_QUALITY = 90


def picture_of(archive: Archive) -> PictureOf:
    """A renderer for `worklist.reports`, which knows no pixels."""

    def render(
        found: StoredInstance, frame_number: int, window: list[float] | None
    ) -> tuple[bytes, bool] | None:
        options = RenderOptions(
            window=Window(window[0], window[1]) if window else None, viewport=_PRINTED, quality=_QUALITY
        )
        try:
            printed = picture(archive, found, frame_number, Rendering(options))
        except Error:
            return None  # the report is signed without this picture rather than not at all
        return printed.content, True

    return render

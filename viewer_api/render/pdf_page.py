"""The first page of a PDF as a picture, drawn by a process of its own (`viewer_api.pdf_first_page`)."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

from PIL import Image

from storage.errors import Invalid
from viewer_api.render.options import RenderOptions
from viewer_api.render.picture import Picture, encoded

_SECONDS = 20
"""Of waiting; the process itself ends after ten of work."""
_MAX_SIDE, _MAX_PIXELS = 2048, 40_000_000
_at_once = threading.BoundedSemaphore(2)


def pdf_picture(pdf: bytes, options: RenderOptions) -> Picture:
    """The first page, fitted into the viewport. Raises `Invalid` where it cannot be read within the limits."""
    width, height = options.viewport or (1024, 1024)
    with Image.open(io.BytesIO(_page_png(pdf, min(width, _MAX_SIDE))), formats=["PNG"]) as opened:
        if opened.width * opened.height > _MAX_PIXELS:
            raise Invalid("the document's first page is too long for a picture", code="NOT_RENDERABLE")
        page = opened.convert("RGB")
    page.thumbnail((width, height), Image.Resampling.LANCZOS)
    return Picture(encoded(page, options), options.media_type, page.width, page.height, None)


def _page_png(pdf: bytes, width: int) -> bytes:
    command = [sys.executable, "-m", "viewer_api.pdf_first_page", str(width)]
    with _at_once:
        try:
            ended = subprocess.run(  # noqa: S603 - our own program
                command, input=pdf, capture_output=True, timeout=_SECONDS, check=True
            )
        except (subprocess.SubprocessError, OSError) as why:
            raise Invalid("the document's first page cannot be read", code="NOT_RENDERABLE") from why
    return ended.stdout

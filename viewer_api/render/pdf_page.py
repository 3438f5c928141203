"""The first page of a PDF as a picture.

Documents come from everywhere, so each is read by a process of its own, which may use so much time and memory and no
more, and which keeps the document in memory: no page of a patient's report lies in a temporary folder.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import typst
from PIL import Image

from storage.errors import Invalid
from viewer_api.render.options import RenderOptions
from viewer_api.render.picture import Picture, encoded

_SECONDS, _BYTES = 10, 2 << 30
_MAX_SIDE, _MAX_PIXELS = 2048, 40_000_000
_at_once = threading.BoundedSemaphore(2)
_PAGE = """#set page(width: auto, height: auto, margin: 0pt, fill: white)
#image(read("{name}", encoding: none), format: "pdf", page: 1, width: {width}pt)
"""


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
    command = [sys.executable, "-m", "viewer_api.render.pdf_page", str(width)]
    with _at_once:
        try:
            ended = subprocess.run(  # noqa: S603 - our own program
                command, input=pdf, capture_output=True, timeout=_SECONDS * 2, check=True
            )
        except (subprocess.SubprocessError, OSError) as why:
            raise Invalid("the document's first page cannot be read", code="NOT_RENDERABLE") from why
    return ended.stdout


def _main() -> None:
    """Reads a PDF from standard input, writes its first page as PNG to standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    held = os.memfd_create("document")
    with os.fdopen(os.dup(held), "wb") as file:
        file.write(sys.stdin.buffer.read())
    page = _PAGE.format(name=held, width=int(sys.argv[1]))
    made = typst.compile(
        page.encode(), root=Path("/proc/self/fd"), format="png", ppi=72.0, ignore_system_fonts=True
    )
    sys.stdout.buffer.write(made if isinstance(made, bytes) else made[0] or b"")


if __name__ == "__main__":
    _main()

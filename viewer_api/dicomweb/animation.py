"""Many frames as one moving picture: GIF, or APNG, which keeps every grey level and colour (PS3.18 Table 8.7.4-1)."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from PIL import Image

from storage.archive import Archive
from storage.errors import Invalid, Unavailable
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.pictures import picture
from viewer_api.render.picture import fitted_size

ANIMATIONS = {"image/gif": "GIF", "image/apng": "PNG"}
VIEWPORT = (512, 512)
"""Unless another is asked for: a moving picture is for looking, not for measuring."""
_MAX_PIXELS = 64 << 20
"""Of all frames together: they lie in memory until the last has come."""
_MAX_FRAMES = 1000
_WAIT_S = 10.0
_FRAME_MS = 100.0
_SHORTEST_MS, _LONGEST_MS = 20.0, 10_000.0
"""Browsers show what is shorter as a tenth of a second."""

Shown = tuple[StoredInstance, int]
"""An instance and one of its frames, from 1."""

_at_work = threading.BoundedSemaphore(1)


def animated(archive: Archive, shown: list[Shown], rendering: Rendering, media_type: str) -> bytes:
    """The frames one after the other, in the size of the first, as fast as the first instance says.

    Raises `Invalid` ``TOO_LARGE`` for more than may lie in memory, `Unavailable` while another is made.
    """
    if len(shown) > _MAX_FRAMES:
        raise Invalid(f"a moving picture has at most {_MAX_FRAMES} frames", code="TOO_LARGE")
    viewport = rendering.options.viewport or VIEWPORT
    first = shown[0][0]
    _require_room(len(shown), fitted_size(first.columns or 1, first.rows or 1, viewport))
    options = replace(rendering.options, media_type="image/png", viewport=viewport)
    still = replace(rendering, options=options)
    with _alone():
        return _joined(_images(archive, shown, still), len(shown), _duration_ms(archive, shown), media_type)


def _require_room(count: int, size: tuple[int, int]) -> None:
    if count * size[0] * size[1] > _MAX_PIXELS:
        side = int((_MAX_PIXELS / count) ** 0.5)
        raise Invalid(
            f"{count} frames of {size[0]} x {size[1]} are too many pixels: ask for fewer, or for "
            f"viewport={side},{side}",
            code="TOO_LARGE",
        )


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time: each takes memory, and minutes of nobody's patience."""
    if not _at_work.acquire(timeout=_WAIT_S):
        raise Unavailable("other moving pictures are being made: try again")
    try:
        yield
    finally:
        _at_work.release()


def _images(archive: Archive, shown: list[Shown], still: Rendering) -> Iterator[Image.Image]:
    for found, number in shown:
        with Image.open(io.BytesIO(picture(archive, found, number, still).content)) as opened:
            yield opened.copy()


def _joined(images: Iterable[Image.Image], count: int, duration_ms: float, media_type: str) -> bytes:
    coming = iter(images)
    first = next(coming)
    _require_room(count, first.size)
    rest = [_of_size(image, first) for image in coming]
    out = io.BytesIO()
    first.save(
        out,
        ANIMATIONS[media_type],
        save_all=True,
        append_images=rest,
        duration=duration_ms,
        loop=0,
        optimize=False,
    )
    return out.getvalue()


def _of_size(image: Image.Image, first: Image.Image) -> Image.Image:
    """In the middle of a black ground where sizes differ, as they may among the images of a series."""
    if image.size == first.size and image.mode == first.mode:
        return image
    ground = Image.new(first.mode, first.size)
    ground.paste(
        image.convert(first.mode), ((first.width - image.width) // 2, (first.height - image.height) // 2)
    )
    return ground


def _duration_ms(archive: Archive, shown: list[Shown]) -> float:
    """(0018,1063) FrameTime, (0008,2144) RecommendedDisplayFrameRate, (0018,0040) CineRate, else ten a second."""
    found = shown[0][0]
    said = found.header_json(archive.blobs, ["00181063", "00082144", "00180040"])
    values = {tag: _number(element.get("Value", [0])) for tag, element in said.items()}
    rate = values.get("00082144") or values.get("00180040")
    wanted = values.get("00181063") or (1000 / rate if rate else _FRAME_MS)
    return min(_LONGEST_MS, max(_SHORTEST_MS, wanted))


def _number(values: list[object]) -> float:
    try:
        return max(0.0, float(str(values[0])))
    except (ValueError, IndexError):
        return 0.0

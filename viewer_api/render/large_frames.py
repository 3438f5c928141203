"""Large frames one at a time: a few forged headers, asked for at once, must not take a process's memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from viewer_api.render.pixel_format import PixelFormat

_LARGE = 32 * 1000 * 1000
"""Samples, twice as many as a mammogram has."""
_turn = threading.RLock()


def in_turn(form: PixelFormat) -> AbstractContextManager[None]:
    """To be held while a frame is decoded and drawn; large ones wait for one another, others do not."""
    return _held() if form.samples > _LARGE else nullcontext()


@contextmanager
def _held() -> Iterator[None]:
    with _turn:
        yield

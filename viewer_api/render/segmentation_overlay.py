"""Segments in their colours, over an image or by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from viewer_api.render.cielab import RGB
from viewer_api.render.overlay import outline
from viewer_api.render.segmentation import Segmentation, SegmentFrame

_THROUGH = 0.35
"""How much of a colour covers the image: what is marked must still be seen."""


class Marked(NamedTuple):
    """`amount` `(rows, columns)` from 0.0 to 1.0 of one segment."""

    amount: NDArray[np.float32]
    colour: RGB
    solid: bool
    """Whether each pixel belongs to the segment or does not; such a segment has an edge."""


def marked(of: Segmentation, frame: SegmentFrame, stored: NDArray[Any]) -> Iterator[Marked]:
    """What one frame marks; `stored` `(rows, columns)` is as `decode_frame` gives it. 0 in a label map is background,
    whatever segment has that number."""
    if of.kind == "LABELMAP":
        for number in np.unique(stored):
            segment = of.segments.get(int(number))
            if number and segment is not None:
                yield Marked((stored == number).astype(np.float32), segment.colour, True)
        return
    segment = of.segments.get(frame.segment or 0)
    colour = segment.colour if segment else (255, 255, 255)
    if of.kind == "FRACTIONAL":
        yield Marked(np.clip(stored.astype(np.float32) / of.maximum, 0, 1), colour, False)
    else:
        yield Marked((stored != 0).astype(np.float32), colour, True)


def overlaid(background: NDArray[np.uint8], segments: list[Marked]) -> NDArray[np.uint8]:
    """RGB `(rows, columns, 3)`: the segments over grey or RGB of the same rows and columns, edges in full colour."""
    shown = _rgb(background).astype(np.float32)
    for each in segments:
        cover = each.amount * np.float32(_THROUGH)
        if each.solid:
            cover[outline(each.amount > 0)] = 1
        shown = _laid_over(shown, each.colour, cover)
    return np.rint(shown).astype(np.uint8)


def alone(shape: tuple[int, int], segments: list[Marked]) -> NDArray[np.uint8]:
    """RGB `(rows, columns, 3)`: the segments in full colour on black."""
    shown = np.zeros((*shape, 3), np.float32)
    for each in segments:
        shown = _laid_over(shown, each.colour, each.amount)
    return np.rint(shown).astype(np.uint8)


def _laid_over(shown: NDArray[np.float32], colour: RGB, cover: NDArray[np.float32]) -> NDArray[np.float32]:
    cover = cover[..., np.newaxis]
    return shown * (1 - cover) + np.array(colour, np.float32) * cover


def _rgb(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return values if values.ndim == 3 else np.repeat(values[..., np.newaxis], 3, axis=-1)

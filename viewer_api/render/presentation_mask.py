"""Subtraction of mask frames, as angiography shows vessels (PS3.3 C.7.6.10, PS3.4 N.2.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.presentation_state import items

Frames = Callable[[int], NDArray[Any]]
"""Stored values of a frame of the image, counted from 1."""
_MAX_AVERAGED = 64


@dataclass(frozen=True)
class Mask:
    """The mean of `contrast` frames less the mean of `mask` frames, which is moved by `shift` rows and columns."""

    contrast: tuple[int, ...]
    mask: tuple[int, ...]
    shift: tuple[float, float] = (0.0, 0.0)

    def subtracted(
        self, frames: Frames, modality: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> NDArray[np.float32]:
        """Modality values `(rows, columns)`, negative where the mask is brighter."""
        shown, mask = (
            _mean([modality(frames(number)) for number in some]) for some in (self.contrast, self.mask)
        )
        return shown - (mask if self.shift == (0.0, 0.0) else _moved(mask, *self.shift))


def mask_for(state: Dataset, frame_number: int, number_of_frames: int) -> Mask | None:
    """What is subtracted from a frame, counted from 1; None where nothing is, or native viewing is recommended.

    Raises `Invalid` for an operation that the standard does not know.
    """
    if attributes.text(state, "RecommendedViewingMode", "SUB") == "NAT":
        return None
    for item in items(state, "MaskSubtractionSequence"):
        first = _first_of_range(item, frame_number)
        if first is not None:
            return _mask(item, frame_number, first, number_of_frames)
    return None


def _mask(item: Dataset, frame_number: int, first: int, number_of_frames: int) -> Mask | None:
    operation = attributes.text(item, "MaskOperation")
    offset = attributes.integer(item, "TIDOffset", 1)
    if operation == "AVG_SUB":
        mask: Sequence[float] = attributes.numbers(item, "MaskFrameNumbers")[:_MAX_AVERAGED]
    elif operation == "TID":
        mask = [frame_number - offset]
    elif operation == "REV_TID":
        mask = [first - offset - (frame_number - first)]
    elif operation == "NONE":
        return None
    else:
        raise Invalid("(0028,6101) MaskOperation is none that the standard knows", code="NOT_RENDERABLE")
    there = tuple(int(number) for number in mask if 1 <= number <= number_of_frames)
    averaged = min(_MAX_AVERAGED, max(1, attributes.integer(item, "ContrastFrameAveraging", 1)))
    contrast = tuple(range(frame_number, min(number_of_frames, frame_number + averaged - 1) + 1))
    shift = attributes.numbers(item, "MaskSubPixelShift")
    return Mask(contrast, there, (shift[0], shift[1]) if len(shift) == 2 else (0.0, 0.0)) if there else None


def _first_of_range(item: Dataset, frame_number: int) -> int | None:
    """The first frame of the range in which the frame lies, None outside; without ranges all frames are one."""
    ends = [int(number) for number in attributes.numbers(item, "ApplicableFrameRange")]
    if not ends:
        return 1
    ranges = zip(ends[::2], ends[1::2], strict=False)
    return next((first for first, last in ranges if first <= frame_number <= last), None)


def _mean(frames: list[NDArray[Any]]) -> NDArray[np.float32]:
    total = np.zeros(frames[0].shape, np.float32)
    for frame in frames:
        total += frame
    return total / np.float32(len(frames))


def _moved(values: NDArray[np.float32], down: float, right: float) -> NDArray[np.float32]:
    """By parts of a pixel between neighbours; what comes in at an edge is that edge."""
    return _moved_along(_moved_along(values, down, 0), right, 1)


def _moved_along(values: NDArray[np.float32], by: float, axis: int) -> NDArray[np.float32]:
    size = values.shape[axis]
    by = min(float(size), max(-float(size), by))
    whole, part = math.floor(by), np.float32(by - math.floor(by))
    places = np.arange(size) - whole
    near, far = (np.take(values, np.clip(places - step, 0, size - 1), axis) for step in (0, 1))
    return near * (1 - part) + far * part

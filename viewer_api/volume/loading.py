"""Reading the voxels of a stack: slices decoded side by side, within bounds that are known before the first is read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from storage.json_model import header_dataset
from viewer_api.render import Window, modality_values
from viewer_api.render.attributes import has_value, text
from viewer_api.render.padding import padding
from viewer_api.render.pixel_format import MONOCHROME, PixelFormat, pixel_format
from viewer_api.render.window import WindowFunction, full_window
from viewer_api.volume.grid import grid_of
from viewer_api.volume.reduced import reduced_bytes
from viewer_api.volume.source import SourceFrame
from viewer_api.volume.stacks import Stack
from viewer_api.volume.volume import Volume

FrameReader = Callable[[SourceFrame, Dataset], NDArray[Any]]
"""Gives a frame's stored values `(rows, columns)`; the data set holds what decoding needs."""

_THREADS = max(4, min(8, os.cpu_count() or 1))
_decoders = ThreadPoolExecutor(_THREADS, "volume")
_AIR_HU = -1024.0
_FUNCTIONS: dict[str, WindowFunction] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
_SAMPLE = 1 << 18


class Loading:
    """A stack that is about to be read. Raises `Invalid` ``NOT_A_VOLUME``, ``NOT_RENDERABLE``."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.grid = grid_of(stack.frames)
        self._headers = {
            key: header_dataset(json.loads(key)) for key in {frame.pixel_key for frame in stack.frames}
        }
        self._forms = {key: _monochrome(header) for key, header in self._headers.items()}
        self._rescale = self._one_rescale()
        self._dtype = self._voxel_type()

    @property
    def bytes_needed(self) -> int:
        """Memory for the voxels and the copies that are reduced, by what the headers say."""
        size = self._dtype.itemsize
        return math.prod(self.grid.shape) * size + reduced_bytes(self.grid.shape, size)

    def run(self, read: FrameReader) -> Volume:
        """Read and decode all slices. Raises what `read` raises, for the first slice that fails."""
        voxels = np.empty(self.grid.shape, self._dtype)

        def fill(index: int) -> None:
            frame = self.stack.frames[index]
            voxels[index] = self._slice(frame, read(frame, self._headers[frame.pixel_key]))

        jobs = [_decoders.submit(fill, index) for index in range(len(voxels))]
        try:
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
        return self._volume(voxels)

    def _volume(self, voxels: NDArray[Any]) -> Volume:
        slope, intercept = self._rescale or (1.0, 0.0)
        middle = self.stack.middle
        header = self._headers[middle.pixel_key]
        form = self._forms[middle.pixel_key]
        return Volume(
            self.grid,
            voxels,
            slope,
            intercept,
            middle.modality,
            form.photometric_interpretation == "MONOCHROME1",
            _window(middle, header) or _range_window(voxels, slope, intercept),
            (*self.grid.notices(), *_left_out(self.stack)),
        )

    def _slice(self, frame: SourceFrame, stored: NDArray[Any]) -> NDArray[Any]:
        """As `voxels` holds it."""
        header, form = self._headers[frame.pixel_key], self._forms[frame.pixel_key]
        outside = padding(header, form) if has_value(header, "PixelPaddingValue") else None
        values = stored
        if self._rescale is None:
            values = _modality_values(frame, header, stored)
        elif stored.dtype.itemsize > self._dtype.itemsize:
            values = _narrowed(stored, self._dtype)
        if outside is None:
            return values
        return np.where(outside(stored), self._background(frame, values.dtype), values)

    def _background(self, frame: SourceFrame, dtype: np.dtype[Any]) -> Any:
        """What lies outside of the scanned region: air in CT, else nothing."""
        value = _AIR_HU if frame.modality == "CT" else 0.0
        if self._rescale is not None:
            value = (value - self._rescale[1]) / self._rescale[0]
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            value = min(max(round(value), limits.min), limits.max)
        return dtype.type(value)

    def _one_rescale(self) -> tuple[float, float] | None:
        """The slope and intercept of all slices; None where slices differ, or turn values round."""
        every = {frame.rescale for frame in self.stack.frames}
        (only,) = every if len(every) == 1 else (None,)
        return only if only is not None and only[0] > 0 else None

    def _voxel_type(self) -> np.dtype[Any]:
        types = {form.dtype for form in self._forms.values()}
        if self._rescale is None or len(types) > 1:
            self._rescale = self._rescale if len(types) == 1 else None
            return np.dtype(np.float32)
        (only,) = types
        return only if only.kind in "iu" and only.itemsize <= 2 else np.dtype(np.float32)


def _monochrome(header: Dataset) -> PixelFormat:
    form = pixel_format(header)
    if form.photometric_interpretation not in MONOCHROME or form.bits_allocated == 1:
        raise Invalid("only grey images make a volume", code="NOT_RENDERABLE")
    return form


def _modality_values(frame: SourceFrame, header: Dataset, stored: NDArray[Any]) -> NDArray[np.float32]:
    if frame.rescale is None:
        return modality_values(header, stored, frame_number=1).astype(np.float32)
    slope, intercept = frame.rescale
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _narrowed(stored: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A codestream may be wider than its header says; values that do not fit are refused."""
    if dtype.kind == "f":
        return stored
    limits = np.iinfo(dtype)
    if stored.min() < limits.min or stored.max() > limits.max:
        raise Invalid("a compressed frame holds more bits than its header says", code="NOT_RENDERABLE")
    return stored.astype(dtype)


def _window(frame: SourceFrame, header: Dataset) -> Window | None:
    if frame.window is None:
        return None
    center, width = frame.window
    function = _FUNCTIONS.get(text(header, "VOILUTFunction", "LINEAR"), "LINEAR")
    return Window(center, width, "LINEAR_EXACT" if width < 1 else function)


def _range_window(voxels: NDArray[Any], slope: float, intercept: float) -> Window:
    """From the darkest to the brightest value but for one in a hundred at either end."""
    step = max(1, voxels.size // _SAMPLE)
    some = voxels.reshape(-1)[::step]
    known = some[np.isfinite(some)] if some.dtype.kind == "f" else some
    low, high = np.percentile(known, (1, 99)) * slope + intercept if known.size else (0.0, 1.0)
    return full_window(float(low), float(high))


def _left_out(stack: Stack) -> list[str]:
    if not stack.left_out:
        return []
    return [f"{stack.left_out} images lie where another one lies, and are left out"]

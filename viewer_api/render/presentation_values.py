"""Stored values to presentation values under a presentation state (PS3.4 N.2).

The state's transforms replace those of the image: a modality, VOI or presentation LUT that it lacks is the identity,
and MONOCHROME1 no longer inverts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.display import display_values
from viewer_api.render.icc import icc_profile, in_colour_space
from viewer_api.render.lookup_table import LookupTable, entry_count, first_mapped, lookup_table
from viewer_api.render.modality import ModalityTransform, Rescale, modality_transform
from viewer_api.render.padding import padding
from viewer_api.render.palette import palette_colours
from viewer_api.render.pixel_format import MONOCHROME, PixelFormat, pixel_format
from viewer_api.render.presentation_mask import Frames, mask_for
from viewer_api.render.presentation_state import PSEUDO_COLOR, Target, item_for
from viewer_api.render.voi import header_window
from viewer_api.render.window import Window, full_window

_MODALITY = ("ModalityLUTSequence", "RescaleIntercept", "RescaleSlope")


def presented_values(
    state: Dataset,
    header: Dataset,
    stored: NDArray[Any],
    target: Target,
    window: Window | None,
    frames: Frames | None = None,
) -> tuple[NDArray[np.uint8], Window | None]:
    """Grey `(rows, columns)` or RGB `(rows, columns, 3)`, in sRGB, of one frame; the window that was used, if one was.

    `window` beats the state's. No LUT of a state is for colour images; the state's ICC profile takes the place of
    theirs (PS3.3 A.33.2, C.11.15). `frames` gives the other frames of the image, for a mask to be subtracted.
    """
    form = pixel_format(header, pixel_vr="OF" if stored.dtype.kind == "f" else None)
    if form.photometric_interpretation not in MONOCHROME:
        colours = display_values(header, stored, frame_number=target.frame_number)
        number = target.frame_number
        holder = state if icc_profile(state, frame_number=number) else header
        return in_colour_space(holder, colours, None, frame_number=number)[0], None
    steps = _steps(state, form, target, window)
    mask = mask_for(state, target.frame_number, attributes.integer(header, "NumberOfFrames", 1))
    if mask is not None and frames is not None:
        difference = mask.subtracted(frames, steps.modality)
        shown = _presented(state, replace(steps, signed=True).brightness(difference))
    elif stored.dtype.itemsize > 2:
        shown = _presented(state, steps.brightness(steps.modality(stored)))
    else:
        table = _presented(state, steps.brightness(steps.modality(_possible(stored))))
        shown = table[np.ascontiguousarray(stored).view(f"u{stored.dtype.itemsize}")]
    pad = padding(header, form)
    if pad is not None:
        shown[pad(stored)] = 0
    return shown, steps.voi if isinstance(steps.voi, Window) else None


@dataclass(frozen=True)
class _Steps:
    """Modality and VOI transform; without a VOI transform the whole range is shown, of differences (`signed`) twice
    as wide."""

    modality: ModalityTransform
    voi: Window | LookupTable | None
    form: PixelFormat
    signed: bool = False

    def brightness(self, values: NDArray[Any]) -> NDArray[Any]:
        """From 0.0 to 1.0, of the shape of the modality values."""
        if self.voi is None or isinstance(self.voi, Window):
            window = self.voi or _whole_range(self.form, self.modality, differences=self.signed)
            shown: NDArray[Any] = np.nan_to_num(window(values))
            return shown
        brightness: NDArray[Any] = np.clip(self.voi(np.nan_to_num(values)) / ((1 << self.voi.bits) - 1), 0, 1)
        return brightness


def _steps(state: Dataset, form: PixelFormat, target: Target, window: Window | None) -> _Steps:
    modality = _modality(state, form, target)
    item = item_for(state, "SoftcopyVOILUTSequence", target)
    table = None if item is None else attributes.first_item(item, "VOILUTSequence")
    if window is None and item is not None and table is not None:
        signed = form.signed or (isinstance(modality, Rescale) and modality.intercept < 0)
        return _Steps(modality, lookup_table(state, table, signed_input=signed), form)
    own = None if item is None else header_window(item)
    return _Steps(modality, window or own, form)


def _modality(state: Dataset, form: PixelFormat, target: Target) -> ModalityTransform:
    """Of the state, or of its item for the image in a Variable Modality LUT state (PS3.3 C.11.1, C.11.27)."""
    varying = item_for(state, "VariableModalityLUTSequence", target)
    holder = state if varying is None else varying
    taken = Dataset()
    for keyword in _MODALITY:
        if attributes.has_value(holder, keyword):
            taken[keyword] = holder[keyword]
    return modality_transform(taken, frame_number=1, signed=form.signed, for_display=False)


def _whole_range(form: PixelFormat, modality: ModalityTransform, *, differences: bool) -> Window:
    """The identity: all that the modality transform can give, from black to white (PS3.4 N.2.1.2)."""
    if isinstance(modality, LookupTable):
        ends = [0.0, (1 << modality.bits) - 1.0]
    else:
        low = -1 << (form.bits_stored - 1) if form.signed else 0
        stored = (low, low + (1 << form.bits_stored) - 1)
        ends = [end * modality.slope + modality.intercept for end in stored]
    span = max(ends) - min(ends)
    return full_window(-span, span) if differences else full_window(min(ends), max(ends))


def _presented(state: Dataset, brightness: NDArray[Any]) -> NDArray[np.uint8]:
    coloured = str(state.get("SOPClassUID") or "") == PSEUDO_COLOR
    return _coloured(state, brightness) if coloured else _grey(state, brightness)


def _grey(state: Dataset, brightness: NDArray[Any]) -> NDArray[np.uint8]:
    """Through the presentation LUT, whose output are P-values (PS3.3 C.11.6)."""
    item = attributes.first_item(state, "PresentationLUTSequence")
    if item is not None:
        table = lookup_table(state, item, signed_input=False)
        index = np.rint(brightness * (len(table.entries) - 1)).astype(np.intp)
        brightness = np.clip(table.entries[index] / ((1 << table.bits) - 1), 0, 1)
    elif attributes.text(state, "PresentationLUTShape", "IDENTITY") == "INVERSE":
        brightness = 1 - brightness
    grey: NDArray[np.uint8] = np.rint(brightness * 255).astype(np.uint8)
    return grey


def _coloured(state: Dataset, brightness: NDArray[Any]) -> NDArray[np.uint8]:
    """Through the palette of a pseudo-color state, which lies over the range of the VOI transform (PS3.4 N.2.3)."""
    descriptor = attributes.numbers(state, "RedPaletteColorLookupTableDescriptor")
    if len(descriptor) != 3:
        raise Invalid("the presentation state has no palette", code="NOT_RENDERABLE")
    first, count = first_mapped(descriptor[1], signed=False), entry_count(descriptor[0])
    index = np.rint(brightness * (count - 1)).astype(np.int64) + first
    return palette_colours(state, index.astype(np.uint32))


def _possible(stored: NDArray[Any]) -> NDArray[Any]:
    """Every value of the type, in the order of its bit patterns."""
    size = stored.dtype.itemsize
    return np.arange(1 << 8 * size, dtype=np.uint32).astype(f"u{size}").view(stored.dtype)

"""Which values of interest are shown: asked for, told by the header, or found in the frame (PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Callable

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.functional_groups import functional_group
from viewer_api.render.lookup_table import LookupTable, lookup_table
from viewer_api.render.window import Window, WindowFunction, full_window

_FUNCTIONS: dict[str, WindowFunction] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


def voi_transform(
    header: Dataset, *, frame_number: int, signed: bool, shown_range: Callable[[], tuple[float, float]]
) -> Window | LookupTable:
    """The header's VOI LUT, else its first window, else the window over `shown_range()`, (darkest, brightest)."""
    item = attributes.first_item(header, "VOILUTSequence")
    if item is not None:
        return lookup_table(header, item, signed_input=signed)
    group = functional_group(header, "FrameVOILUTSequence", frame_number=frame_number)
    window = header_window(header if group is None else group)
    return window or full_window(*shown_range())


def header_window(holder: Dataset) -> Window | None:
    """The first window of a header or a Frame VOI LUT item; None if there is none or it makes no sense.

    A nonsensical window (width 0 is common) is no reason to withhold a picture.
    """
    try:
        center, width = attributes.numbers(holder, "WindowCenter"), attributes.numbers(holder, "WindowWidth")
    except Invalid:
        return None
    if not center or not width or width[0] <= 0:
        return None
    function = _FUNCTIONS.get(attributes.text(holder, "VOILUTFunction", "LINEAR"), "LINEAR")
    # Scaled pixels with widths below 1 are written without a function; LINEAR has no such width.
    return Window(center[0], width[0], "LINEAR_EXACT" if function == "LINEAR" and width[0] < 1 else function)

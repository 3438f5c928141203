"""Grey images of which a range of stored values is shown in colour (PS3.3 C.7.6.19)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from viewer_api.render import attributes
from viewer_api.render.lookup_table import entry_count, first_mapped
from viewer_api.render.palette import palette_colours

_DESCRIPTOR = "RedPaletteColorLookupTableDescriptor"


@dataclass(frozen=True)
class ColouredRange:
    """Stored values from `first` to `last`, both included, have a colour of their own."""

    first: int
    last: int

    def __call__(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """True where a pixel is shown in colour, of the shape of `stored`."""
        return np.asarray((stored >= self.first) & (stored <= self.last))

    def coloured(self, header: Dataset, stored: NDArray[Any], grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB `(*stored.shape, 3)`: the palette inside the range, `grey` outside it."""
        inside = self(stored)
        colours = np.repeat(grey[..., np.newaxis], 3, axis=-1)
        colours[inside] = palette_colours(header, stored[inside])
        return colours


def coloured_range(header: Dataset, *, signed: bool) -> ColouredRange | None:
    """The range of a monochrome image's supplemental palette; None if it has none or is shown without."""
    if attributes.text(header, "PixelPresentation", "") not in ("COLOR", "MIXED"):
        return None
    descriptor = attributes.numbers(header, _DESCRIPTOR)
    if len(descriptor) != 3:
        return None
    first = first_mapped(descriptor[1], signed=signed)
    return ColouredRange(first, first + entry_count(descriptor[0]) - 1)

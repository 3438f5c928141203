"""The shape of a pixel: how much taller than wide it is (PS3.3 C.7.6.3.1.7, 10.7)."""

from __future__ import annotations

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.functional_groups import functional_group

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_SQUARE_ENOUGH = 0.01
_MOST_UNEVEN = 20.0


def pixel_aspect(header: Dataset, *, frame_number: int) -> float:
    """Height of a pixel divided by its width, 1.0 where the header says nothing or nonsense."""
    measures = functional_group(header, "PixelMeasuresSequence", frame_number=frame_number)
    for holder in (measures, header):
        for keyword in _SPACINGS:
            aspect = None if holder is None else _aspect(holder, keyword)
            if aspect is not None:
                return aspect
    return 1.0


def _aspect(holder: Dataset, keyword: str) -> float | None:
    """All of these attributes tell the vertical measure first."""
    try:
        measures = attributes.numbers(holder, keyword)
    except Invalid:
        return None
    if len(measures) != 2 or min(measures) <= 0:
        return None
    aspect = measures[0] / measures[1]
    if not 1 / _MOST_UNEVEN <= aspect <= _MOST_UNEVEN:
        return None
    return 1.0 if abs(aspect - 1) < _SQUARE_ENOUGH else aspect

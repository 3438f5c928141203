"""Stored values to modality values: HU, optical density, counts (PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name
from viewer_api.render.functional_groups import functional_group
from viewer_api.render.lookup_table import LookupTable, lookup_table

_X_RAY_ANGIOGRAPHIC = frozenset({"1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2"})


@dataclass(frozen=True)
class Rescale:
    """`slope` x stored value + `intercept`."""

    slope: float = 1.0
    intercept: float = 0.0

    @property
    def identity(self) -> bool:
        """Whether values stay what they are."""
        return self.slope == 1.0 and self.intercept == 0.0

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Modality values of the shape of `values`: int32 where all is whole and small, else floating."""
        if self.identity:
            return values
        small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
        if small and self._whole():
            return values.astype(np.int32) * np.int32(self.slope) + np.int32(self.intercept)
        enough = small or values.dtype == np.float32
        scaled: NDArray[Any] = values.astype("f4" if enough else "f8")
        # Python numbers leave the array its own precision.
        return scaled * self.slope + self.intercept

    def _whole(self) -> bool:
        fits = abs(self.slope) < 2**14 and abs(self.intercept) < 2**29
        return fits and self.slope == int(self.slope) and self.intercept == int(self.intercept)


ModalityTransform = Rescale | LookupTable


def modality_transform(
    header: Dataset, *, frame_number: int, signed: bool, for_display: bool
) -> ModalityTransform:
    """The transform that holds for a frame, counted from 1; the identity if the header has none.

    Angiography with logarithmic or display pixels carries its transform for measuring only: `for_display` leaves
    it out (PS3.3 C.8.7.1.1.2).
    """
    if for_display and _only_for_measuring(header):
        return Rescale()
    item = attributes.first_item(header, "ModalityLUTSequence")
    if item is not None:
        return lookup_table(header, item, signed_input=signed)
    group = functional_group(header, "PixelValueTransformationSequence", frame_number=frame_number)
    return _rescale(header if group is None else group)


def modality_values(header: Dataset, stored: NDArray[Any], *, frame_number: int) -> NDArray[Any]:
    """Modality values of the shape of `stored`; raises `Invalid` for a rescale or a table that cannot be read."""
    signed = stored.dtype.kind == "i"
    transform = modality_transform(header, frame_number=frame_number, signed=signed, for_display=False)
    return transform(stored)


def _rescale(holder: Dataset) -> Rescale:
    slope = attributes.numbers(holder, "RescaleSlope") or (1.0,)
    intercept = attributes.numbers(holder, "RescaleIntercept") or (0.0,)
    if slope[0] == 0:
        raise Invalid(f"{tag_name('RescaleSlope')} is 0")
    return Rescale(slope[0], intercept[0])


def _only_for_measuring(header: Dataset) -> bool:
    if attributes.text(header, "SOPClassUID", "") not in _X_RAY_ANGIOGRAPHIC:
        return False
    return attributes.text(header, "PixelIntensityRelationship", "") in ("LOG", "DISP")

"""What one frame's attributes say: its own functional groups, the shared ones, then the data set (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from viewer_api.volume.json_values import JsonModel, item, numbers, values

GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "StackID": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "DiffusionBValue": "MRDiffusionSequence",
}
"""In which functional group an attribute stands."""


@dataclass(frozen=True)
class FrameAttributes:
    """One frame of an instance; `model` is the instance's, `per_frame` and `shared` its functional groups."""

    model: JsonModel
    per_frame: JsonModel
    shared: JsonModel

    def holder(self, keyword: str) -> JsonModel:
        """The item or data set in which to look for an attribute."""
        group = GROUPS.get(keyword)
        if group is None:
            return self.model
        own = item(self.per_frame, group)
        if own is None or not values(own, keyword):
            own = item(self.shared, group) or own
        return own or self.model

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as finite floats; empty if there are none."""
        return numbers(self.holder(keyword), keyword)

    def text(self, keyword: str) -> str:
        """All values as one text, as it is compared and shown; empty if there are none."""
        found = values(self.holder(keyword), keyword)
        return "\\".join(_plain(each) for each in found)


def _plain(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)


def frame_attributes(model: JsonModel, number_of_frames: int) -> Iterator[FrameAttributes]:
    """Each frame's in order."""
    shared = item(model, "SharedFunctionalGroupsSequence") or {}
    per_frame = values(model, "PerFrameFunctionalGroupsSequence")
    for index in range(number_of_frames):
        own = per_frame[index] if index < len(per_frame) else {}
        yield FrameAttributes(model, own if isinstance(own, dict) else {}, shared)

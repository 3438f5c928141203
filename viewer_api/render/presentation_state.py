"""What a softcopy presentation state says of one image, and which of its items mean that image (PS3.3 A.33, C.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes

GRAYSCALE, COLOR, PSEUDO_COLOR, XA_XRF, VARIABLE_MODALITY = (
    f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in (1, 2, 3, 5, 12)
)
APPLICABLE = frozenset({GRAYSCALE, COLOR, PSEUDO_COLOR, XA_XRF, VARIABLE_MODALITY})
"""SOP classes that change one image at a time; the others blend images or show volumes."""


@dataclass(frozen=True)
class ImageReference:
    """An image that a presentation state is for; without `frame_numbers` all its frames."""

    series_instance_uid: str
    sop_instance_uid: str
    frame_numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Target:
    """The one frame, counted from 1, that is to be shown."""

    sop_instance_uid: str
    frame_number: int = 1


def referenced_images(state: Dataset) -> Iterator[ImageReference]:
    """In their order (PS3.3 C.11.11, C.10.3)."""
    for series in items(state, "ReferencedSeriesSequence"):
        series_uid = str(series.get("SeriesInstanceUID") or "")
        for image in items(series, "ReferencedImageSequence"):
            frames = tuple(int(number) for number in attributes.numbers(image, "ReferencedFrameNumber"))
            yield ImageReference(series_uid, str(image.get("ReferencedSOPInstanceUID") or ""), frames)


def require_applicable(state: Dataset) -> None:
    """Raises `Invalid` ``NOT_RENDERABLE`` for what blends several images or shows a volume."""
    if str(state.get("SOPClassUID") or "") not in APPLICABLE:
        raise Invalid(
            "this kind of presentation state blends images or shows a volume: it cannot be applied to one image",
            code="NOT_RENDERABLE",
        )


def item_for(state: Dataset, keyword: str, target: Target) -> Dataset | None:
    """The item of a sequence that is for the frame: the first that names it or names no image at all."""
    return next((item for item in items(state, keyword) if is_meant(item, target)), None)


def is_meant(item: Dataset, target: Target) -> bool:
    """Whether an item is for the frame: one without references is for all that the state refers to."""
    images = items(item, "ReferencedImageSequence")
    return not images or any(_names(image, target) for image in images)


def items(holder: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none where it is absent."""
    value = attributes.value_of(holder, keyword)
    return [item for item in value or [] if isinstance(item, Dataset)]


def _names(image: Dataset, target: Target) -> bool:
    if str(image.get("ReferencedSOPInstanceUID") or "") != target.sop_instance_uid:
        return False
    frames = attributes.numbers(image, "ReferencedFrameNumber")
    return not frames or target.frame_number in frames

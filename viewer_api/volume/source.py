"""Where each frame of some instances lies in the patient, and what its pixels are like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from storage.archive import Archive
from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.volume.frame_attributes import GROUPS, FrameAttributes, frame_attributes
from viewer_api.volume.json_values import JsonModel, first, tag_key
from viewer_api.volume.vectors import Vector, unit, vector

MAX_FRAMES = 20_000
"""Frames of one request: more are refused before a header is read."""
TRAITS = (
    *("StackID", "TemporalPositionIndex", "TemporalPositionIdentifier", "EchoNumbers", "EchoTime"),
    *("EffectiveEchoTime", "TriggerTime", "NominalCardiacTriggerDelayTime", "DiffusionBValue"),
    *("AcquisitionNumber", "FrameAcquisitionNumber", "ImageType", "ConvolutionKernel"),
)
"""What tells volumes at one place apart, the most telling first: stack, time, echo, phase, b-value, acquisition."""
_PIXELS = (
    *(
        "SOPClassUID",
        "Modality",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "Rows",
    ),
    *("Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape"),
    *("ModalityLUTSequence", "VOILUTSequence", "PixelIntensityRelationship"),
)
_HELD_BY = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_PLACE = ("FrameOfReferenceUID", *GROUPS, *TRAITS)
_PIXEL_TAGS = tuple(tag_key(each) for each in _PIXELS)
_TAGS = frozenset({*_PIXEL_TAGS, *(tag_key(each) for each in (*_HELD_BY, *_PLACE))})


@dataclass(frozen=True)
class Plane:
    """One frame in the patient: `position` is the centre of its first pixel, `row` the direction in which columns
    count, `column` that in which rows count, `spacing` mm between rows and between columns (PS3.3 C.7.6.2.1.1)."""

    position: Vector
    row: Vector
    column: Vector
    spacing: tuple[float, float]
    shape: tuple[int, int]
    frame_of_reference_uid: str

    @property
    def normal(self) -> Vector:
        """Row x column."""
        return np.cross(self.row, self.column)

    @property
    def depth(self) -> float:
        """Along the normal, mm from the frame of reference's origin."""
        return float(self.position @ self.normal)


@dataclass(frozen=True)
class SourceFrame:
    """One frame, from 1, its place, and its pixels: frames of equal `pixel_key` are decoded by one header.

    `rescale` is (slope, intercept); None where a modality LUT takes their place.
    """

    found: StoredInstance
    number: int
    plane: Plane
    rescale: tuple[float, float] | None
    pixel_key: str
    traits: dict[str, str] = field(default_factory=dict)
    window: tuple[float, float] | None = None
    """Center and width that the frame brings along."""

    @property
    def modality(self) -> str:
        """(0008,0060)."""
        return str(first(json.loads(self.pixel_key), "Modality") or "")


def source_frames(archive: Archive, found: Sequence[StoredInstance]) -> list[SourceFrame]:
    """The frames that have a place in the patient, in the order given; others are left out.

    Raises `Invalid` ``VOLUME_TOO_LARGE`` if instances claim more than `MAX_FRAMES` frames.
    """
    images = [each for each in found if each.packed_layout is not None]
    if sum(each.number_of_frames for each in images) > MAX_FRAMES:
        raise Invalid(f"these are more than {MAX_FRAMES} frames", code="VOLUME_TOO_LARGE")
    return [frame for each in images for frame in _frames(archive, each)]


def _frames(archive: Archive, whole: StoredInstance) -> list[SourceFrame]:
    model: JsonModel = whole.header_json(archive.blobs, _TAGS)
    found = replace(whole, packed_header=None)  # what is known of a series is kept, its headers need not be
    key = json.dumps({tag: model[tag] for tag in _PIXEL_TAGS if tag in model})
    has_table = tag_key("ModalityLUTSequence") in model
    made = []
    for index, attributes in enumerate(frame_attributes(model, found.number_of_frames)):
        plane = _plane(found, attributes)
        if plane is not None:
            rescale = None if has_table else _rescale(attributes)
            traits = _traits(attributes)
            made.append(
                SourceFrame(found, index + 1, plane, rescale, key, traits, _window(attributes)),
            )
    return made


def _plane(found: StoredInstance, attributes: FrameAttributes) -> Plane | None:
    position = attributes.numbers("ImagePositionPatient")
    cosines = attributes.numbers("ImageOrientationPatient")
    spacing = attributes.numbers("PixelSpacing")
    if (len(position), len(cosines), len(spacing)) != (3, 6, 2) or min(spacing) <= 0:
        return None
    row, column = unit(cosines[:3]), unit(cosines[3:])
    # Cosines of real files are rounded; what is far from a right angle is no image plane.
    if not found.rows or not found.columns or not row.any() or not column.any() or abs(row @ column) > 1e-2:
        return None
    column = unit(column - (column @ row) * row)
    uid = attributes.text("FrameOfReferenceUID")
    return Plane(vector(position), row, column, (spacing[0], spacing[1]), (found.rows, found.columns), uid)


def _rescale(attributes: FrameAttributes) -> tuple[float, float]:
    slope = attributes.numbers("RescaleSlope") or (1.0,)
    intercept = attributes.numbers("RescaleIntercept") or (0.0,)
    return slope[0], intercept[0]


def _traits(attributes: FrameAttributes) -> dict[str, str]:
    found = {keyword: attributes.text(keyword) for keyword in TRAITS}
    return {keyword: text for keyword, text in found.items() if text}


def _window(attributes: FrameAttributes) -> tuple[float, float] | None:
    center, width = attributes.numbers("WindowCenter"), attributes.numbers("WindowWidth")
    return (center[0], width[0]) if center and width and width[0] > 0 else None

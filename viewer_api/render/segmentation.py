"""What a segmentation's frames are: of which segment, on which image, where (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.cielab import RGB, cielab_colour
from viewer_api.render.presentation_state import items

Kind = Literal["BINARY", "FRACTIONAL", "LABELMAP"]
LABELMAP_CLASS = "1.2.840.10008.5.1.4.1.1.66.7"
_COLOURS: tuple[RGB, ...] = (
    (230, 80, 70),
    (70, 160, 230),
    (90, 200, 90),
    (245, 190, 60),
    (170, 100, 220),
    (60, 200, 190),
    (240, 130, 180),
    (160, 190, 60),
    (230, 140, 60),
    (120, 130, 240),
)
"""For segments without a colour of their own, in turn."""


@dataclass(frozen=True)
class Segment:
    """A structure; `number` is how frames, or pixels of a label map, name it."""

    number: int
    label: str
    colour: RGB


@dataclass(frozen=True)
class Source:
    """A frame, counted from 1, of the image that a segmentation's frame was made from."""

    sop_instance_uid: str
    frame_number: int = 1


@dataclass(frozen=True)
class SegmentFrame:
    """One frame, counted from 1; `segment` None in a label map; `place` tells planes apart."""

    number: int
    segment: int | None
    sources: tuple[Source, ...]
    place: tuple[float, ...]


@dataclass(frozen=True)
class Segmentation:
    """Everything about a segmentation but its pixels. `maximum` is the stored value of a probability of 1."""

    kind: Kind
    maximum: int
    segments: dict[int, Segment]
    frames: tuple[SegmentFrame, ...]
    referenced: tuple[str, ...] = ()
    """SOP Instance UIDs of the images that it is about as a whole."""

    def frame(self, number: int) -> SegmentFrame:
        """Raises `Invalid` where the functional groups tell nothing of it."""
        if not 1 <= number <= len(self.frames):
            raise Invalid(f"the segmentation says nothing of frame {number}", code="NOT_RENDERABLE")
        return self.frames[number - 1]

    def plane_of(self, frame: SegmentFrame) -> list[SegmentFrame]:
        """All frames that lie where `frame` lies: the other segments there."""
        if not frame.sources and not frame.place:
            return [frame]
        return [each for each in self.frames if _plane(each) == _plane(frame)]

    def frames_on(self, source: Source) -> list[SegmentFrame]:
        """Those made from one frame of an image."""
        return [each for each in self.frames if source in each.sources]


def segmentation(header: Dataset) -> Segmentation:
    """Read it from a header with groups 0008, 0020, 0028, 0062 and 5200. Raises `Invalid` ``NOT_RENDERABLE``."""
    kind = attributes.text(header, "SegmentationType", "")
    if attributes.text(header, "SOPClassUID", "") == LABELMAP_CLASS:
        kind = "LABELMAP"
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise Invalid("(0062,0001) SegmentationType is none that can be shown", code="NOT_RENDERABLE")
    bits = attributes.integer(header, "BitsStored", 8)
    return Segmentation(
        kind,  # type: ignore[arg-type]  # it is one of the three
        attributes.integer(header, "MaximumFractionalValue", (1 << bits) - 1) or 1,
        {segment.number: segment for segment in _segments(header)},
        tuple(_frames(header)),
        tuple(_referenced(header)),
    )


def _referenced(header: Dataset) -> Iterator[str]:
    """PS3.3 C.12.4."""
    for series in items(header, "ReferencedSeriesSequence"):
        for image in items(series, "ReferencedInstanceSequence"):
            yield str(image.get("ReferencedSOPInstanceUID") or "")


def _segments(header: Dataset) -> Iterator[Segment]:
    for place, item in enumerate(items(header, "SegmentSequence")):
        colour = cielab_colour(item, "RecommendedDisplayCIELabValue")
        number = attributes.integer(item, "SegmentNumber", place + 1)
        yield Segment(
            number, str(item.get("SegmentLabel") or ""), colour or _COLOURS[number % len(_COLOURS) - 1]
        )


def _frames(header: Dataset) -> Iterator[SegmentFrame]:
    shared = attributes.first_item(header, "SharedFunctionalGroupsSequence") or Dataset()
    for index, own in enumerate(items(header, "PerFrameFunctionalGroupsSequence")):
        named = _group(own, shared, "SegmentIdentificationSequence")
        segment = None if named is None else attributes.integer(named, "ReferencedSegmentNumber", 0) or None
        derived = items(own, "DerivationImageSequence") or items(shared, "DerivationImageSequence")
        sources = tuple(source for each in derived for source in _sources(each))
        yield SegmentFrame(index + 1, segment, sources, _place(own, shared))


def _sources(derivation: Dataset) -> Iterator[Source]:
    for item in items(derivation, "SourceImageSequence"):
        uid = str(item.get("ReferencedSOPInstanceUID") or "")
        for number in attributes.numbers(item, "ReferencedFrameNumber") or (1,):
            yield Source(uid, int(number))


def _place(own: Dataset, shared: Dataset) -> tuple[float, ...]:
    position = _group(own, shared, "PlanePositionSequence")
    if position is not None:
        return tuple(round(each, 3) for each in attributes.numbers(position, "ImagePositionPatient"))
    slide = _group(own, shared, "PlanePositionSlideSequence")
    if slide is None:
        return ()
    names = ("ColumnPositionInTotalImagePixelMatrix", "RowPositionInTotalImagePixelMatrix")
    return tuple(float(attributes.integer(slide, name, 0)) for name in names)


def _group(own: Dataset, shared: Dataset, macro: str) -> Dataset | None:
    found = attributes.first_item(own, macro)
    return attributes.first_item(shared, macro) if found is None else found


def _plane(frame: SegmentFrame) -> tuple[object, ...]:
    return frame.place or frame.sources

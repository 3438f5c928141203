"""What a report refers to, as addresses beside its own: they hold wherever the page was loaded from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from pydicom import Dataset
from pydicom.uid import UID

from viewer_api.dicomweb.sr_html import label, sequence, text, words
from viewer_api.dicomweb.sr_words import LABELS

_MAX_DEPTH, _MAX_FRAMES = 64, 100


@dataclass(frozen=True)
class Place:
    """Where an instance that is here has its resources; `pictured` if it has thumbnails worth showing."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    pictured: bool = True

    @property
    def path(self) -> str:
        """From where `studies` is."""
        parts = "studies", self.study_instance_uid, "series", self.series_instance_uid
        whole = *parts, "instances", self.sop_instance_uid
        return "/".join(quote(each, safe="") for each in whole)


@dataclass(frozen=True)
class Links:
    """The places of what is here, by SOP Instance UID; `up` leads from the page to where `studies` is."""

    places: Mapping[str, Place] = field(default_factory=dict)
    up: str = ""

    def references(self, item: Dataset) -> str:
        """Every instance that a content item names, as links; each with its small picture."""
        return "<br>".join(self._one(each) for each in sequence(item, "ReferencedSOPSequence"))

    def pictures(self, item: Dataset) -> Iterator[tuple[str, str, str]]:
        """Address, address of the small picture, and words for each instance named; addresses are empty for what is not
        here."""
        for reference in sequence(item, "ReferencedSOPSequence"):
            place = self.places.get(text(reference, "ReferencedSOPInstanceUID"))
            for frame in _frames(reference):
                told = f"{_kind(reference)}{f' #{frame}' if frame else ''}"
                if place is None:
                    yield "", "", told
                else:
                    small = f"{self.up}{_resource(place, frame, 'thumbnail')}?viewport=256,256"
                    yield self._address(place, reference, frame), small, told

    def _one(self, reference: Dataset) -> str:
        place = self.places.get(text(reference, "ReferencedSOPInstanceUID"))
        kind = words(_kind(reference))
        if place is None:
            uid = words(text(reference, "ReferencedSOPInstanceUID"))
            return f'<span class="away">{kind} {uid} ({LABELS["not here"]} <small>not here</small>)</span>'
        links = []
        for frame in _frames(reference):
            small = f"{self.up}{_resource(place, frame, 'thumbnail')}?viewport=128,128"
            picture = (
                f'<img class="thumb" loading="lazy" alt="" src="{escape(small)}">' if place.pictured else ""
            )
            number = f" #{frame}" if frame else ""
            links.append(
                f'<a href="{escape(self._address(place, reference, frame))}">{picture}{kind}{number}</a>'
            )
        return " ".join(links)

    def _address(self, place: Place, reference: Dataset, frame: int | None) -> str:
        """With the presentation state that the reference names, where that is here (PS3.3 Table 10-3)."""
        state = next(iter(sequence(reference, "ReferencedSOPSequence")), None)
        uid = "" if state is None else text(state, "ReferencedSOPInstanceUID")
        query = f"?presentationUID={quote(uid, safe='')}" if uid in self.places else ""
        return f"{self.up}{_resource(place, frame, 'rendered')}{query}"


def referenced_uids(item: Dataset, depth: int = 0) -> Iterator[str]:
    """Every SOP Instance UID that the content tree names."""
    for reference in sequence(item, "ReferencedSOPSequence"):
        yield text(reference, "ReferencedSOPInstanceUID")
        yield from (
            text(each, "ReferencedSOPInstanceUID") for each in sequence(reference, "ReferencedSOPSequence")
        )
    if depth <= _MAX_DEPTH:
        for below in sequence(item, "ContentSequence"):
            yield from referenced_uids(below, depth + 1)


def content_reference(item: Dataset) -> str:
    """A link to another item of the same tree (PS3.3 C.17.3.2.5); empty for an item of its own."""
    value = item.get("ReferencedContentItemIdentifier")
    if value is None:
        return ""
    numbers = [value] if isinstance(value, int) else list(value)
    place = ".".join(str(number) for number in numbers if isinstance(number, int))
    return f'<a href="#item-{place}">{label("see")} {place}</a>'


def _frames(reference: Dataset) -> list[int] | list[None]:
    value = reference.get("ReferencedFrameNumber")
    if value is None or value == "":
        return [None]
    numbers = [value] if isinstance(value, int | str) else list(value)[:_MAX_FRAMES]
    return [int(each) for each in numbers if isinstance(each, int) and each > 0] or [None]


def _resource(place: Place, frame: int | None, resource: str) -> str:
    return f"{place.path}/frames/{frame}/{resource}" if frame else f"{place.path}/{resource}"


def _kind(reference: Dataset) -> str:
    """The name of the SOP class."""
    uid = UID(text(reference, "ReferencedSOPClassUID"))
    return uid.name.removesuffix(" Storage") or "Instance"

"""Per-frame and shared attributes of enhanced multi-frame objects (PS3.3 C.7.6.16)."""

from __future__ import annotations

from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name

_PER_FRAME = "PerFrameFunctionalGroupsSequence"
_SHARED = "SharedFunctionalGroupsSequence"


def functional_group(header: Dataset, macro: str, *, frame_number: int) -> Dataset | None:
    """The item of the macro's sequence (`"FrameVOILUTSequence"`) that holds for a frame, counted from 1.

    The frame's own item beats the shared one; None if the object has neither. Raises `Invalid` if frames have
    items and this frame has none.
    """
    per_frame = attributes.value_of(header, _PER_FRAME)
    if per_frame:
        if not 0 < frame_number <= len(per_frame):
            raise Invalid(f"{tag_name(_PER_FRAME)} has no item for frame {frame_number}")
        own = attributes.first_item(per_frame[frame_number - 1], macro)
        if own is not None:
            return own
    shared = attributes.first_item(header, _SHARED)
    return None if shared is None else attributes.first_item(shared, macro)

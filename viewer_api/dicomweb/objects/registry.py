"""Which kind of object is shown how: one table by SOP class, and for classes that it lacks by what is inside.

Images are not here: whatever has frames and no row is drawn frame by frame.
"""

from __future__ import annotations

from fastapi import Request, Response

from storage.archive import Archive
from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.objects.ask import Ask, Renderer, no_thumbnail
from viewer_api.dicomweb.objects.documents import DOCUMENTS, TYPE_OF_CLASS
from viewer_api.dicomweb.objects.moving_pictures import VIDEO
from viewer_api.dicomweb.objects.presentation_states import (
    PRESENTATION_CLASSES,
    PRESENTATION_STATES,
    PRESENTATION_UID,
    PRESENTED_IMAGE,
)
from viewer_api.dicomweb.objects.reports import KEY_OBJECTS, KEY_OBJECTS_CLASS, REPORT_CLASSES, REPORTS
from viewer_api.dicomweb.objects.segmentations import (
    SEGMENTATION_CLASSES,
    SEGMENTATION_UID,
    SEGMENTATIONS,
    SEGMENTED_IMAGE,
)
from viewer_api.dicomweb.objects.waveforms import WAVEFORM_CLASSES, WAVEFORMS
from viewer_api.dicomweb.video import is_video


def _refuse(ask: Ask) -> Response:
    raise Invalid("this kind of object cannot be shown as a picture or a page", code="NOT_RENDERABLE")


NOTHING = Renderer(_refuse, no_thumbnail)

_BY_SOP_CLASS: dict[str, Renderer] = {
    **dict.fromkeys(TYPE_OF_CLASS, DOCUMENTS),
    **dict.fromkeys(PRESENTATION_CLASSES, PRESENTATION_STATES),
    **dict.fromkeys(SEGMENTATION_CLASSES, SEGMENTATIONS),
    **dict.fromkeys(WAVEFORM_CLASSES, WAVEFORMS),
    **dict.fromkeys(REPORT_CLASSES, REPORTS),
    KEY_OBJECTS_CLASS: KEY_OBJECTS,
}
_BY_PARAMETER = ((PRESENTATION_UID, PRESENTED_IMAGE), (SEGMENTATION_UID, SEGMENTED_IMAGE))
"""How an image is shown together with another object that a request names."""
_BY_CONTENT = (("00420011", DOCUMENTS), ("0040A730", REPORTS), ("0040A040", REPORTS), ("54000100", WAVEFORMS))
"""An attribute that only such objects have, and who shows them."""


def renderer_of(archive: Archive, found: StoredInstance) -> Renderer | None:
    """Who shows this object; None for an image."""
    if is_video(found):
        return VIDEO
    known = _BY_SOP_CLASS.get(found.sop_class_uid)
    if known is not None or found.packed_layout is not None:
        return known
    there = found.header_json(archive.blobs, [tag for tag, _ in _BY_CONTENT])
    return next((renderer for tag, renderer in _BY_CONTENT if tag in there), NOTHING)


def renderer_for(request: Request, archive: Archive, found: StoredInstance) -> Renderer | None:
    """The same for one request, which may want an image together with another object."""
    own = renderer_of(archive, found)
    if own is not None:
        return own
    given = request.query_params
    return next((renderer for name, renderer in _BY_PARAMETER if given.get(name)), None)

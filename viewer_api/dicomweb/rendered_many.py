"""Many pictures in one answer: a part for each, or one moving picture of all (PS3.18 10.4.3.3, 10.4.1.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from fastapi import Request, Response

from storage.archive import Archive
from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import accepted, preferred
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.animation import ANIMATIONS, Shown, animated
from viewer_api.dicomweb.caching import cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.frames import require_frames
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.objects.registry import renderer_of
from viewer_api.dicomweb.parameters import PICTURES, Rendering, read_rendering
from viewer_api.dicomweb.pictures import picture
from viewer_api.dicomweb.reading_ahead import Reading
from viewer_api.dicomweb.viewing import viewed

_PICTURE_BYTES = 256 << 10
"""About what one takes while it waits to be sent."""


@dataclass(frozen=True)
class ManyForm:
    """A moving picture of that media type, or parts each of that media type."""

    media_type: str
    moving: bool


def many_wanted(request: Request) -> ManyForm | None:
    """None where one picture is wanted, or nothing that is a picture. What moves must be asked for by name."""
    ranges = accepted(request)
    named = [each.media_type for each in ranges if each.media_type in ANIMATIONS]
    single = preferred([each for each in ranges if not each.multipart], [*PICTURES, *named])
    if single is not None:
        return ManyForm(single, moving=True) if single in ANIMATIONS else None
    for wanted in ranges:
        for media_type in PICTURES:
            if wanted.multipart and wanted.covers(media_type):
                return ManyForm(media_type, moving=False)
    return None


def shown_frames(
    archive: Archive, found: list[StoredInstance], numbers: list[int] | None = None
) -> list[Shown]:
    """All frames of those instances that are images, or the `numbers` of each. Raises `Invalid` if there are none."""
    images = [each for each in found if each.packed_layout is not None and renderer_of(archive, each) is None]
    if not images:
        raise Invalid("there are no images here that could be shown", code="NOT_RENDERABLE")
    return [(each, number) for each in images for number in numbers or range(1, each.number_of_frames + 1)]


def rendered_many(
    request: Request, caller: Caller, shown: list[Shown], form: ManyForm, control: str
) -> Response:
    """Parts are made while they are sent; a moving picture is made whole."""
    require_frames(shown[0][0], [number for found, number in shown if found is shown[0][0]])
    rendering = read_rendering(request, media_type="image/png" if form.moving else form.media_type)
    viewed(caller, shown[0][0])
    base = base_url(request, shown[0][0].site)
    tag = entity_tag("rendered", base, form, rendering, *((found.sha256, number) for found, number in shown))
    unchanged = not_modified(request, tag, control)
    if unchanged is not None:
        return unchanged
    headers = cache_headers(tag, control)
    if not form.moving:
        return multipart_response(_parts(caller.archive, shown, rendering, base), form.media_type, headers)
    content = animated(caller.archive, shown, rendering, form.media_type)
    return Response(content, media_type=form.media_type, headers=headers)


def _parts(archive: Archive, shown: list[Shown], rendering: Rendering, base: str) -> Iterator[Part]:
    for found, number in shown:
        uids = found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid
        location = f"{instance_url(base, *uids)}/frames/{number}/rendered"
        reading = Reading(_PICTURE_BYTES, partial(_content, archive, found, number, rendering))
        yield Part(rendering.options.media_type, "", reading, location)


def _content(archive: Archive, found: StoredInstance, number: int, rendering: Rendering) -> bytes:
    return picture(archive, found, number, rendering).content

"""Structured reports and key object selections as pages."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Response
from pydicom import Dataset

from storage.errors import Error, NotFound
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.caching import REVALIDATE
from viewer_api.dicomweb.objects.ask import Ask, Renderer, no_thumbnail
from viewer_api.dicomweb.objects.related import held
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.pictures import picture
from viewer_api.dicomweb.sr_links import Links, Place, referenced_uids
from viewer_api.dicomweb.sr_page import key_objects_page, structured_report_page
from viewer_api.dicomweb.video import is_video
from viewer_api.render import Picture

KEY_OBJECTS_CLASS = "1.2.840.10008.5.1.4.1.1.88.59"
REPORT_CLASSES = tuple(
    f"1.2.840.10008.5.1.4.1.1.88.{number}"
    for number in (1, 2, 3, 4, 11, 22, 33, 34, 35, 40, 50, 65, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76)
)
_HTML, _HTML_UTF_8 = "text/html", "text/html; charset=utf-8"
_AT_MOST = 10_000
_QUIET = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
}
"""A report is words and pictures: nothing in it runs, whatever somebody wrote into it."""


def report_page(ask: Ask) -> Response:
    """The content tree in HTML, with links to the images that are here."""
    return _page(ask, structured_report_page)


def key_objects(ask: Ask) -> Response:
    """The objects that somebody marked, with their small pictures."""
    return _page(ask, key_objects_page)


def first_key_object(ask: Ask, rendering: Rendering) -> Picture | None:
    """The first of them that is an image and is here."""
    uids = list(referenced_uids(ask.found.header(ask.archive)))[:_AT_MOST]
    here = held(ask, uids[:50])
    for uid in uids:
        image = here.get(uid)
        if image is None or image.packed_layout is None or is_video(image):
            continue
        try:
            return picture(ask.archive, image, 1, rendering)
        except Error:
            return None
    return None


def _page(ask: Ask, make: Callable[[Dataset, Links], str]) -> Response:
    if ask.frame_number is not None:
        raise NotFound("this instance has no pixels")
    choose(ask.request, [_HTML])
    header = ask.found.header(ask.archive)
    links = _links(ask, header)
    return ask.answer(
        lambda: make(header, links).encode("utf-8", "replace"),
        _HTML_UTF_8,
        links.up,
        sorted(links.places),
        control=REVALIDATE,
        headers=_QUIET,
    )


def _links(ask: Ask, header: Dataset) -> Links:
    here = held(ask, list(referenced_uids(header))[:_AT_MOST])
    _, _, below = ask.request.url.path.rpartition("/dicom-web/")
    return Links(
        up="../" * below.count("/"),
        places={
            uid: Place(
                found.study_instance_uid,
                found.series_instance_uid,
                uid,
                pictured=found.packed_layout is not None,
            )
            for uid, found in here.items()
        },
    )


REPORTS = Renderer(report_page, no_thumbnail, symbol="page")
KEY_OBJECTS = Renderer(key_objects, first_key_object, symbol="star", settled=False)

"""Structured reports as a page."""

from __future__ import annotations

from fastapi import Response

from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.objects.ask import Ask, Renderer, no_thumbnail
from viewer_api.dicomweb.sr_page import structured_report_page

HTML = "text/html"
HTML_UTF_8 = "text/html; charset=utf-8"


def report_page(ask: Ask) -> Response:
    """The content tree in HTML."""
    choose(ask.request, [HTML])
    return ask.answer(lambda: structured_report_page(ask.found.header(ask.archive)).encode(), HTML_UTF_8)


REPORTS = Renderer(report_page, no_thumbnail, symbol="page")

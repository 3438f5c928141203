"""What a client accepts: the `accept` query parameter, else the Accept header (PS3.18 8.3.3.1, 8.7.5; RFC 9110 12.5.1).

The parameter wins: it is written by whoever made the address, while a browser sends a header of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fastapi import Request

from storage.errors import Invalid
from viewer_api.dicomweb.media_types import today_spelling

MULTIPART = "multipart/related"
_PARAMETER = re.compile(r';\s*([\w.!#$%&\'*+^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,]*)')
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_MAX_LENGTH = 4096


@dataclass(frozen=True)
class MediaRange:
    """One element of an Accept header; names in lower case, values without quotes."""

    media_type: str
    parameters: dict[str, str] = field(default_factory=dict)
    quality: float = 1.0
    but_not: frozenset[str] = frozenset()
    """Media types that are refused by name, ``;q=0``, though a range like ``*/*`` would cover them."""

    @property
    def multipart(self) -> bool:
        """Whether parts are asked for."""
        return self.media_type == MULTIPART

    @property
    def content_type(self) -> str:
        """The media type of the content: of the parts, where parts are asked for."""
        return today_spelling(
            self.parameters.get("type", "*/*").lower() if self.multipart else self.media_type
        )

    @property
    def transfer_syntax(self) -> str:
        """A UID, ``*`` for whatever is stored, or empty."""
        return self.parameters.get("transfer-syntax", "")

    @property
    def specificity(self) -> int:
        """0 for ``*/*``, 1 for ``image/*``, 2 for a media type."""
        return 2 - self.content_type.count("*")

    def covers(self, media_type: str) -> bool:
        """Whether content of `media_type` is welcome: ``*/*`` and ``image/*`` are ranges."""
        if self.specificity < 2 and media_type in self.but_not:
            return False
        kind, _, subtype = self.content_type.partition("/")
        return kind in ("*", media_type.partition("/")[0]) and subtype in (
            "*",
            "",
            media_type.partition("/")[2],
        )


def accepted(request: Request) -> list[MediaRange]:
    """What this request accepts, the most wanted first; everything if it does not say."""
    asked = [value for name, value in request.query_params.multi_items() if name.lower() == "accept"]
    if asked:
        # a plus sign in an address means a blank, and few clients know that they must write %2B
        return parse(re.sub(r" (?=json|xml)", "+", ",".join(asked)))
    return parse(",".join(request.headers.getlist("accept")))


def parse(text: str) -> list[MediaRange]:
    """The ranges of an Accept header by falling quality, in their own order where that is equal."""
    if len(text) > _MAX_LENGTH:
        raise Invalid("the Accept header is too long")
    ranges = [_media_range(part.strip()) for part in _ELEMENT.findall(text) if part.strip()]
    refused = frozenset(each.content_type for each in ranges if each.quality == 0)
    wanted = [replace(each, but_not=refused) for each in ranges if each.quality > 0]
    return sorted(wanted, key=lambda each: -each.quality) if ranges else [MediaRange("*/*")]


def _media_range(text: str) -> MediaRange:
    name, _, _ = text.partition(";")
    parameters = {key.lower(): _unquoted(value) for key, value in _PARAMETER.findall(text)}
    quality = parameters.pop("q", "1")
    media_type = name.strip().lower()
    return MediaRange("*/*" if media_type == "*" else media_type, parameters, _quality(quality))


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


def not_acceptable(can_give: Iterable[str]) -> Invalid:
    """406, naming what could be had."""
    offered = list(dict.fromkeys(can_give))
    return Invalid(
        f"nothing that you accept can be given here; there is: {', '.join(offered)}",
        code="NOT_ACCEPTABLE",
        available=offered,
    )


def choose(request: Request, offered: Iterable[str]) -> str:
    """The media type of `offered` that the client wants most; among equals what it named first, then the first offered.

    How much a media type is wanted is told by the most specific range (RFC 9110 12.5.1). Raises `Invalid`
    ``NOT_ACCEPTABLE``.
    """
    offered = list(offered)
    chosen = preferred([each for each in accepted(request) if not each.multipart], offered)
    if chosen is None:
        raise not_acceptable(offered)
    return chosen


def preferred(ranges: list[MediaRange], offered: list[str]) -> str | None:
    """The same among ranges as `accepted` gives them; None if nothing fits."""
    wanted = {media_type: _wanted(ranges, media_type) for media_type in offered}
    best = max(offered, key=lambda media_type: wanted[media_type])
    return best if wanted[best][0] > 0 else None


def _wanted(ranges: list[MediaRange], media_type: str) -> tuple[float, int]:
    """How much, and how early among the ranges; 0 if not at all."""
    covering = [(each.specificity, -place) for place, each in enumerate(ranges) if each.covers(media_type)]
    if not covering:
        return 0.0, 0
    _, place = max(covering)
    return ranges[-place].quality, place

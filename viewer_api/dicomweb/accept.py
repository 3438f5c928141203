"""What a client accepts: the `accept` query parameter, else the Accept header (PS3.18 8.7.5, RFC 9110 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

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

    def covers(self, media_type: str) -> bool:
        """Whether content of `media_type` is welcome: ``*/*`` and ``image/*`` are ranges."""
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
    wanted = [each for each in ranges if each.quality > 0] if ranges else [MediaRange("*/*")]
    return sorted(wanted, key=lambda each: -each.quality)


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
    """The media type of `offered` that the client wants most, the first offered among equals.

    Raises `Invalid` ``NOT_ACCEPTABLE``.
    """
    offered = list(offered)
    for wanted in accepted(request):
        for media_type in offered:
            if not wanted.multipart and wanted.covers(media_type):
                return media_type
    raise not_acceptable(offered)

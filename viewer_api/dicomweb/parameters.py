"""The parameters of a rendering (PS3.18 8.3.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args

from fastapi import Request

from storage.errors import Invalid
from viewer_api.dicomweb.accept import choose
from viewer_api.render import RenderOptions, Window, WindowFunction
from viewer_api.render.icc import ColourSpace

_FUNCTIONS = {
    "linear": "LINEAR",
    "linear-exact": "LINEAR_EXACT",
    "linear_exact": "LINEAR_EXACT",
    "sigmoid": "SIGMOID",
}
PICTURES = ("image/jpeg", "image/png", "image/webp")
ANNOTATIONS = frozenset({"patient", "technique"})
DESCRIBED = [
    {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": told}
    for name, told in (
        ("accept", "media types by quality, before those of the header"),
        ("window", "center,width[,linear|linear-exact|sigmoid]"),
        ("viewport", "width,height[,left,top,width,height]"),
        ("quality", "1 to 100, of JPEG and WebP"),
        ("annotation", "patient,technique"),
        ("iccprofile", "no, yes, srgb, adobergb, rommrgb, displayp3"),
    )
]
"""The same as OpenAPI has them."""
_MAX_NUMBER = 1e30
"""Sums and rounding of such numbers stay finite."""
THUMBNAIL_VIEWPORT = (256, 256)


@dataclass(frozen=True)
class Region:
    """A part of the source image: left, top, width, height in its pixels; a negative size flips that axis."""

    left: float
    top: float
    width: float | None
    height: float | None


@dataclass(frozen=True)
class Rendering:
    """What is asked of a picture, and of which part of the image."""

    options: RenderOptions
    region: Region | None = None
    annotation: frozenset[str] = frozenset()
    """Of `ANNOTATIONS`: what is written into the picture."""


def read_rendering(request: Request, *, thumbnail: bool = False, media_type: str | None = None) -> Rendering:
    """Raises `Invalid`, naming the parameter; ``NOT_ACCEPTABLE`` for other media types than pictures, unless the
    `media_type` is known."""
    given = request.query_params
    viewport, region = _viewport(given.get("viewport"))
    options = RenderOptions(
        window=_window(given.get("window")),
        viewport=viewport or (THUMBNAIL_VIEWPORT if thumbnail else None),
        quality=_quality(given.get("quality")),
        media_type=media_type or choose(request, PICTURES),
        icc_profile=_icc_profile(given.get("iccprofile")),
    )
    return Rendering(options, region, _annotation(given.get("annotation")))


def _annotation(text: str | None) -> frozenset[str]:
    """``patient``, ``technique``, or both (PS3.18 8.3.5.1.1); what else may be asked for is left out, as it may."""
    return frozenset(word.strip().lower() for word in (text or "").split(",")) & ANNOTATIONS


def _icc_profile(text: str | None) -> ColourSpace | None:
    """PS3.18 8.3.5.1.5. Without it a picture is in sRGB."""
    if not text:
        return None
    if text.lower() not in get_args(ColourSpace):
        raise Invalid(f"iccprofile is one of {', '.join(get_args(ColourSpace))}", parameter="iccprofile")
    return cast(ColourSpace, text.lower())


def _window(text: str | None) -> Window | None:
    """``center,width[,function]`` (PS3.18 8.3.5.1.4)."""
    if not text:
        return None
    words = [word.strip() for word in text.split(",")]
    if len(words) not in (2, 3):
        raise Invalid("window is center,width or center,width,function", parameter="window")
    function = _FUNCTIONS.get(words[2].lower() if len(words) == 3 else "linear")
    if function is None:
        raise Invalid("a window function is linear, linear-exact or sigmoid", parameter="window")
    center, width = (read_number(word, "window") for word in words[:2])
    return Window(center, width, cast(WindowFunction, function))


def _viewport(text: str | None) -> tuple[tuple[int, int] | None, Region | None]:
    """``vw,vh[,sx,sy,sw,sh]``; the last four may be empty, which means all (PS3.18 8.3.5.1.3)."""
    if not text:
        return None, None
    words = [word.strip() for word in text.split(",")]
    if len(words) not in (2, 6):
        raise Invalid("viewport is vw,vh or vw,vh,sx,sy,sw,sh", parameter="viewport")
    size = (_side(words[0]), _side(words[1]))
    if not any(words[2:]):
        return size, None
    left, top, width, height = (read_number(word, "viewport") if word else None for word in words[2:])
    if width == 0 or height == 0:
        raise Invalid("viewport: the part shown has a size", parameter="viewport")
    return size, Region(left or 0.0, top or 0.0, width, height)


def _side(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 6 and int(word)):
        raise Invalid("viewport: width and height are whole numbers of pixels from 1", parameter="viewport")
    return int(word)


def _quality(text: str | None) -> int:
    if text is None:
        return RenderOptions.quality
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise Invalid("quality is a whole number from 1 to 100", parameter="quality")
    return int(text)


def read_number(word: str, parameter: str, most: float = _MAX_NUMBER) -> float:
    """A number between -`most` and `most`. Raises `Invalid`, naming the parameter."""
    try:
        number = float(word)
    except ValueError as why:
        raise Invalid(f"{parameter}: numbers are needed", parameter=parameter) from why
    if not abs(number) <= most:  # nor is NaN
        raise Invalid(f"{parameter}: no number is beyond {most:g}", parameter=parameter)
    return number

"""What may be asked of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from storage.errors import Invalid
from viewer_api.render.icc import ColourSpace
from viewer_api.render.window import Window

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
MAX_VIEWPORT = 8192
"""Pixels a side; the largest medical displays have about 4096."""


@dataclass(frozen=True)
class RenderOptions:
    """`window` None means the header's own; `viewport` is `(width, height)` in pixels, None means pixel for pixel.

    Raises `Invalid` for what no picture can be. `quality`, 1 to 100, is for JPEG and WebP; PNG loses nothing.
    `icc_profile` is as `in_colour_space` has it; `overlays` draws the image's own.
    """

    window: Window | None = None
    viewport: tuple[int, int] | None = None
    quality: int = 85
    media_type: str = "image/jpeg"
    invert: bool = False
    overlays: bool = True
    icc_profile: ColourSpace | None = None

    def __post_init__(self) -> None:
        if self.media_type not in MEDIA_TYPES:
            raise Invalid(f"a picture is one of {', '.join(MEDIA_TYPES)}")
        if not 1 <= self.quality <= 100:
            raise Invalid("quality is from 1 to 100")
        if self.icc_profile is not None and self.icc_profile not in get_args(ColourSpace):
            raise Invalid(f"iccprofile is one of {', '.join(get_args(ColourSpace))}")
        if self.viewport is not None and not all(1 <= side <= MAX_VIEWPORT for side in self.viewport):
            raise Invalid(f"a viewport's sides are from 1 to {MAX_VIEWPORT} pixels")

"""A small picture with the letters of a modality, for objects that have no image of their own."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from viewer_api.render import Picture, RenderOptions

_GROUND, _EDGE, _LETTERS = (27, 32, 38), (61, 70, 80), (168, 180, 192)
_MAX_SIDE = 1024


def card(modality: str, options: RenderOptions) -> Picture:
    """A dark square with a rim, as large as the viewport allows."""
    side = min(*(options.viewport or (256, 256)), _MAX_SIDE)
    image = Image.new("RGB", (side, side), _GROUND)
    draw = ImageDraw.Draw(image)
    inset = side // 16
    if side >= 16:
        draw.rounded_rectangle(
            (inset, inset, side - 1 - inset, side - 1 - inset), inset, outline=_EDGE, width=2
        )
    font = ImageFont.load_default(size=max(6, side // 4))
    letters = "".join(letter for letter in modality[:4] if letter.isascii() and letter.isalnum()) or "?"
    draw.text((side / 2, side / 2), letters, _LETTERS, font, anchor="mm")
    out = io.BytesIO()
    image.save(out, options.media_type.removeprefix("image/"), quality=options.quality)
    return Picture(out.getvalue(), options.media_type, side, side, None)

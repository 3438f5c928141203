"""Shapes and words of a presentation state, painted over a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from PIL import Image, ImageDraw

from viewer_api.render.cielab import RGB
from viewer_api.render.presentation_area import Point
from viewer_api.render.presentation_graphics import MAX_OBJECTS, Shape, Words
from viewer_api.render.typefaces import typeface

_SMOOTHED_PIXELS = 16_000_000
"""Larger pictures have pixels enough to do without smoothed edges."""
_RIM: RGB = (0, 0, 0)
_FAR = 100_000.0
_SMALLEST, _LARGEST, _LEADING = 9, 64, 1.35


def painted(image: Image.Image, what: Iterable[Shape | Words]) -> Image.Image:
    """RGB with everything on it; the image itself if there is nothing."""
    drawn = list(islice(what, MAX_OBJECTS))
    if not drawn:
        return image
    image = image.convert("RGB")
    shapes = [each for each in drawn if isinstance(each, Shape)]
    if shapes:
        _paint_shapes(image, shapes)
    for each in drawn:
        if isinstance(each, Words):
            _paint_words(image, each)
    return image


def _paint_shapes(image: Image.Image, shapes: list[Shape]) -> None:
    """On a sheet of twice the size, which smooths their edges when it is laid over the picture."""
    enlarged = 2 if image.width * image.height <= _SMOOTHED_PIXELS else 1
    sheet = Image.new("RGBA", (image.width * enlarged, image.height * enlarged))
    draw = ImageDraw.Draw(sheet)
    base = max(1.0, min(image.size) / 400)
    for shape in shapes:
        _paint_shape(draw, shape, enlarged, base)
    layer = sheet if enlarged == 1 else sheet.resize(image.size, Image.Resampling.BOX)
    image.paste(layer, (0, 0), layer)


def _paint_shape(draw: ImageDraw.ImageDraw, shape: Shape, enlarged: int, base: float) -> None:
    points = [(_near(x) * enlarged, _near(y) * enlarged) for x, y in shape.points]
    width = max(1, round(shape.thickness * base * enlarged))
    colour = (*shape.colour, 255)
    if len(points) == 1:
        (x, y), reach = points[0], 3 * base * enlarged
        draw.line([(x - reach, y), (x + reach, y)], colour, width)
        draw.line([(x, y - reach), (x, y + reach)], colour, width)
    elif shape.filled and len(points) > 2:
        draw.polygon(points, fill=colour)
    else:
        for run in _dashes(points, 6 * base * enlarged) if shape.dashed else [points]:
            draw.line(run, colour, width, joint="curve")


def _dashes(points: list[Point], dash: float) -> Iterator[list[Point]]:
    """Pieces of the line, as long as the gaps between them."""
    for begin, end in pairwise(points):
        length = math.dist(begin, end)
        count = min(1000, max(1, int(length / (2 * dash))))
        for step in range(count):
            parts = step / count, (step + 0.5) / count
            yield [(begin[0] + (end[0] - begin[0]) * p, begin[1] + (end[1] - begin[1]) * p) for p in parts]


def _paint_words(image: Image.Image, words: Words) -> None:
    draw = ImageDraw.Draw(image)
    size = _fitting_size(words, image.height)
    left, top, right, bottom = _text_box(words, size)
    if words.anchor is not None and words.anchor_visible:
        _paint_leader(draw, words, (left, top, right, bottom), image)
    for number, line in enumerate(words.text.split("\n")):
        spare = right - left - _width(line, size)
        x = left + {"RIGHT": spare, "CENTER": spare / 2}.get(words.justification, 0.0)
        font, y = typeface(line, size), top + number * size * _LEADING
        draw.text((x, y), line, words.colour, font, stroke_width=max(1, round(size / 12)), stroke_fill=_RIM)


def _fitting_size(words: Words, height: int) -> int:
    """As large as the box allows; without a box a fortieth of the picture."""
    if words.box is None:
        return min(_LARGEST, max(_SMALLEST, height // 40))
    left, top, right, bottom = words.box
    size = int(min(_LARGEST, max(_SMALLEST, (bottom - top) / (words.text.count("\n") + 1) / _LEADING)))
    width = _text_width(words, size)
    return max(_SMALLEST, int(size * (right - left) / width)) if width > right - left > 0 else size


def _text_box(words: Words, size: int) -> tuple[float, float, float, float]:
    """Where the words themselves lie: in their box as they are justified, or beside the anchor."""
    width, height = _text_width(words, size), (words.text.count("\n") + 1) * size * _LEADING
    if words.box is not None:
        left, top, right, _ = (_near(each) for each in words.box)
        spare = (right - left) - width
        left += {"RIGHT": spare, "CENTER": spare / 2}.get(words.justification, 0.0)
    else:
        left, top = (_near(each) for each in words.anchor or (0.0, 0.0))
    return left, top, left + width, top + height


def _text_width(words: Words, size: int) -> float:
    return max(_width(line, size) for line in words.text.split("\n"))


def _width(line: str, size: int) -> float:
    return typeface(line, size).getlength(line)


def _paint_leader(
    draw: ImageDraw.ImageDraw, words: Words, box: tuple[float, float, float, float], image: Image.Image
) -> None:
    """From the words to what they are about."""
    left, top, right, bottom = box
    x, y = (_near(each) for each in words.anchor or (0.0, 0.0))
    begin = min(max(x, left), right), min(max(y, top), bottom)
    width = max(1, round(min(image.size) / 400))
    draw.line([begin, (x, y)], words.colour, width)
    dot = 1.5 * width
    draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=words.colour)


def _near(value: float) -> float:
    """Pillow counts pixels in 32 bits; what is far outside is not seen anyway."""
    return min(_FAR, max(-_FAR, value))

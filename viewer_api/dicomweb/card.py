"""A picture for objects that have none of their own: what kind of thing it is, and the letters of its modality."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from viewer_api.render import Picture, RenderOptions
from viewer_api.render.picture import encoded

_GROUND, _EDGE, _LETTERS, _SYMBOL = (27, 32, 38), (61, 70, 80), (168, 180, 192), (96, 165, 200)
_MAX_SIDE = 1024

Box = tuple[float, float, float, float]


def card(modality: str, options: RenderOptions, symbol: str = "") -> Picture:
    """A dark square with a rim, as large as the viewport allows; `symbol` is one of `SYMBOLS`, or none."""
    side = min(*(options.viewport or (256, 256)), _MAX_SIDE)
    image = Image.new("RGB", (side, side), _GROUND)
    draw = ImageDraw.Draw(image)
    inset = side // 16
    if side >= 16:
        draw.rounded_rectangle(
            (inset, inset, side - 1 - inset, side - 1 - inset), inset, outline=_EDGE, width=2
        )
    paint = SYMBOLS.get(symbol)
    if paint is not None and side >= 32:
        paint(draw, (side * 0.32, side * 0.16, side * 0.68, side * 0.60), max(1, side // 64))
    _letters(draw, modality, side, centred=paint is None)
    return Picture(encoded(image, options), options.media_type, side, side, None)


def _letters(draw: ImageDraw.ImageDraw, modality: str, side: int, *, centred: bool) -> None:
    letters = "".join(letter for letter in modality[:4] if letter.isascii() and letter.isalnum()) or "?"
    font = ImageFont.load_default(size=max(6, side // (4 if centred else 6)))
    draw.text((side / 2, side / 2 if centred else side * 0.76), letters, _LETTERS, font, anchor="mm")


def _page(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """A sheet with a folded corner and lines of text."""
    left, top, right, bottom = _narrowed(box, 0.12)
    fold = (right - left) * 0.3
    outline = [(left, top), (right - fold, top), (right, top + fold), (right, bottom), (left, bottom)]
    draw.line([*outline, outline[0]], _SYMBOL, width, joint="curve")
    draw.line([(right - fold, top), (right - fold, top + fold), (right, top + fold)], _SYMBOL, width)
    for place in (0.45, 0.6, 0.75):
        height = top + (bottom - top) * place
        draw.line([(left + fold * 0.6, height), (right - fold * 0.6, height)], _SYMBOL, width)


def _play(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """A triangle in a ring."""
    left, top, right, bottom = box
    radius = min(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=_SYMBOL, width=width)
    corner = radius * 0.45
    draw.polygon([(x - corner * 0.7, y - corner), (x - corner * 0.7, y + corner), (x + corner, y)], _SYMBOL)


def _wave(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """One heart beat."""
    left, top, right, bottom = box
    shape = ((0, 5), (2, 5), (3, 4), (4, 5), (4.6, 6), (5.2, 0), (6, 10), (6.6, 5), (8, 5), (9, 3.6), (10, 5))
    points = [(left + (right - left) * x / 10, top + (bottom - top) * y / 10) for x, y in shape]
    draw.line(points, _SYMBOL, width, joint="curve")


def _solid(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """A cube."""
    left, top, right, bottom = _narrowed(box, 0.05)
    x, quarter = (left + right) / 2, (bottom - top) / 4
    middle = top + 2 * quarter
    rim = [(x, top), (right, top + quarter), (right, bottom - quarter), (x, bottom), (left, bottom - quarter)]
    draw.line([*rim, (left, top + quarter), (x, top)], _SYMBOL, width, joint="curve")
    draw.line([(left, top + quarter), (x, middle), (right, top + quarter)], _SYMBOL, width)
    draw.line([(x, middle), (x, bottom)], _SYMBOL, width)


def _star(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """What somebody marked."""
    left, top, right, bottom = box
    shape = (
        (5, 0),
        (6.2, 3.6),
        (10, 3.8),
        (7, 6.1),
        (8.1, 9.8),
        (5, 7.6),
        (1.9, 9.8),
        (3, 6.1),
        (0, 3.8),
        (3.8, 3.6),
    )
    points = [(left + (right - left) * x / 10, top + (bottom - top) * y / 10) for x, y in (*shape, shape[0])]
    draw.line(points, _SYMBOL, width, joint="curve")


def _layers(draw: ImageDraw.ImageDraw, box: Box, width: int) -> None:
    """Sheets that lie on one another."""
    left, top, right, bottom = box
    x, height = (left + right) / 2, (bottom - top) / 2
    for place in (0.0, 0.5, 1.0):
        up = top + height * place
        rhomb = [(x, up), (right, up + height / 2), (x, up + height), (left, up + height / 2), (x, up)]
        draw.line(rhomb if place == 0 else rhomb[1:4], _SYMBOL, width, joint="curve")


def _narrowed(box: Box, part: float) -> Box:
    left, top, right, bottom = box
    return left + (right - left) * part, top, right - (right - left) * part, bottom


SYMBOLS: dict[str, Callable[[ImageDraw.ImageDraw, Box, int], None]] = {
    "page": _page,
    "play": _play,
    "wave": _wave,
    "solid": _solid,
    "star": _star,
    "layers": _layers,
}

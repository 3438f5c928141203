"""Graphic annotations of a presentation state as shapes and words on the picture (PS3.3 C.10.5, C.10.7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom import Dataset

from viewer_api.render import attributes
from viewer_api.render.cielab import RGB, cielab_colour
from viewer_api.render.presentation_area import DisplayedArea, Point
from viewer_api.render.presentation_state import Target, is_meant, items

DEFAULT_COLOUR: RGB = (255, 225, 64)
"""Where neither layer nor style has one: seen on black and on white alike, with its dark rim."""
_MAX_POINTS = 100_000
MAX_OBJECTS, _MAX_LINES, _MAX_LETTERS = 5000, 50, 400
"""Of a picture, of a text, and of its lines: more are not read by anybody."""
_ROUND = 96
"""Corners of a drawn circle."""


@dataclass(frozen=True)
class Shape:
    """A line through `points` of the picture, or one point; closed ones may be filled."""

    points: tuple[Point, ...]
    colour: RGB
    thickness: float = 1.0
    filled: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Words:
    """Lines of text; `box` left, top, right, bottom and `anchor` lie on the picture."""

    text: str
    colour: RGB
    box: tuple[float, float, float, float] | None
    anchor: Point | None
    anchor_visible: bool
    justification: str


@dataclass(frozen=True)
class Layer:
    """A graphic layer: its place in the stack, the lowest first, and its colour."""

    name: str
    order: int
    colour: RGB


def layers(state: Dataset) -> list[Layer]:
    """In the order in which they are drawn."""
    found = [_layer(item) for item in items(state, "GraphicLayerSequence")]
    return sorted(found, key=lambda layer: layer.order)


def layer_colour(state: Dataset, name: str) -> RGB:
    """Of the layer with that name."""
    return next((layer.colour for layer in layers(state) if layer.name == name), DEFAULT_COLOUR)


def graphic_annotations(state: Dataset, target: Target, area: DisplayedArea) -> Iterator[Shape | Words]:
    """What is to be drawn for a frame, layer by layer."""
    order = {layer.name: place for place, layer in enumerate(layers(state))}
    meant = [item for item in items(state, "GraphicAnnotationSequence") if is_meant(item, target)]
    for item in sorted(meant, key=lambda each: order.get(_name(each), -1)):
        colour = layer_colour(state, _name(item))
        yield from filter(None, (_shape(each, colour, area) for each in items(item, "GraphicObjectSequence")))
        yield from filter(None, (_words(each, colour, area) for each in items(item, "TextObjectSequence")))


def _layer(item: Dataset) -> Layer:
    colour = cielab_colour(item, "GraphicLayerRecommendedDisplayCIELabValue")
    if colour is None and attributes.has_value(item, "GraphicLayerRecommendedDisplayRGBValue"):
        words = attributes.numbers(item, "GraphicLayerRecommendedDisplayRGBValue")
        colour = (_byte(words[0]), _byte(words[1]), _byte(words[2])) if len(words) == 3 else None
    if colour is None and attributes.has_value(item, "GraphicLayerRecommendedDisplayGrayscaleValue"):
        grey = _byte(attributes.integer(item, "GraphicLayerRecommendedDisplayGrayscaleValue"))
        colour = (grey, grey, grey)
    return Layer(_name(item), attributes.integer(item, "GraphicLayerOrder", 0), colour or DEFAULT_COLOUR)


def _name(item: Dataset) -> str:
    return attributes.text(item, "GraphicLayer", "")


def _byte(word: float) -> int:
    return round(min(65535.0, max(0.0, word)) / 257)


def _shape(item: Dataset, colour: RGB, area: DisplayedArea) -> Shape | None:
    """None for a kind that the standard does not know, or without enough points."""
    kind = attributes.text(item, "GraphicType", "")
    data = attributes.numbers(item, "GraphicData")
    make = _KINDS.get(kind)
    if make is None or not 2 <= len(data) <= 2 * _MAX_POINTS:
        return None
    given = list(zip(data[::2], data[1::2], strict=False))
    points = make(given)
    if not points:
        return None
    place = _places(attributes.text(item, "GraphicAnnotationUnits", "PIXEL"), area)
    style, fill = (attributes.first_item(item, f"{name}StyleSequence") for name in ("Line", "Fill"))
    line = _style_colour(style) or colour
    filled = attributes.text(item, "GraphicFilled", "N") == "Y"
    return Shape(
        tuple(place(x, y) for x, y in points),
        (_style_colour(fill) or line) if filled else line,
        _thickness(style),
        filled,
        style is not None and attributes.text(style, "LineDashingStyle", "") == "DASHED",
    )


def _words(item: Dataset, colour: RGB, area: DisplayedArea) -> Words | None:
    text = attributes.value_of(item, "UnformattedTextValue")
    if text is None or not str(text).strip():
        return None
    style = attributes.first_item(item, "TextStyleSequence")
    own = None if style is None else cielab_colour(style, "TextColorCIELabValue")
    anchor = attributes.numbers(item, "AnchorPoint")
    anchor_at = _places(attributes.text(item, "AnchorPointAnnotationUnits", "PIXEL"), area)
    return Words(
        _shown_text(str(text)),
        own or colour,
        _box(item, area),
        anchor_at(anchor[0], anchor[1]) if len(anchor) == 2 else None,
        attributes.text(item, "AnchorPointVisibility", "N") == "Y",
        attributes.text(item, "BoundingBoxTextHorizontalJustification", "LEFT"),
    )


def _shown_text(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    return "\n".join(line[:_MAX_LETTERS] for line in lines[:_MAX_LINES])


def _box(item: Dataset, area: DisplayedArea) -> tuple[float, float, float, float] | None:
    corners = [
        attributes.numbers(item, f"BoundingBox{corner}HandCorner") for corner in ("TopLeft", "BottomRight")
    ]
    if any(len(corner) != 2 for corner in corners):
        return None
    place = _places(attributes.text(item, "BoundingBoxAnnotationUnits", "PIXEL"), area)
    (x, y), (other_x, other_y) = (place(*corner[:2]) for corner in corners)
    return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def _places(units: str, area: DisplayedArea) -> Callable[[float, float], Point]:
    """PIXEL and MATRIX count the image's pixels, DISPLAY fractions of what is shown (PS3.3 C.10.5.1.1)."""
    if units == "DISPLAY":
        return lambda x, y: (x * area.size[0], y * area.size[1])
    return area.place


def _style_colour(style: Dataset | None) -> RGB | None:
    return None if style is None else cielab_colour(style, "PatternOnColorCIELabValue")


def _thickness(style: Dataset | None) -> float:
    told = () if style is None else attributes.numbers(style, "LineThickness")
    return min(64.0, max(0.5, told[0])) if told else 1.0


def _circle(points: list[Point]) -> list[Point]:
    """The center, and a point of the rim."""
    if len(points) < 2:
        return []
    (x, y), rim = points[:2]
    radius = math.dist((x, y), rim)
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in _turns()]


def _ellipse(points: list[Point]) -> list[Point]:
    """The ends of the major, then of the minor axis."""
    if len(points) < 4:
        return []
    first, last, up, down = points[:4]
    x, y = (first[0] + last[0]) / 2, (first[1] + last[1]) / 2
    major = (last[0] - first[0]) / 2, (last[1] - first[1]) / 2
    minor = (down[0] - up[0]) / 2, (down[1] - up[1]) / 2
    return [
        (
            x + major[0] * math.cos(turn) + minor[0] * math.sin(turn),
            y + major[1] * math.cos(turn) + minor[1] * math.sin(turn),
        )
        for turn in _turns()
    ]


def _interpolated(points: list[Point]) -> list[Point]:
    """A smooth line through all points: Catmull-Rom, as the standard leaves the curve open."""
    if len(points) < 3 or len(points) > _MAX_POINTS // 8:
        return points
    closed = points[0] == points[-1]
    before, after = (points[-2], points[1]) if closed else (points[0], points[-1])
    padded = [before, *points, after]
    smooth = [
        _between(padded[place : place + 4], step / 8) for place in range(len(points) - 1) for step in range(8)
    ]
    return [*smooth, points[-1]]


def _between(four: list[Point], part: float) -> Point:
    def one(axis: int) -> float:
        a, b, c, d = (point[axis] for point in four)
        bend = (2 * a - 5 * b + 4 * c - d) * part**2 + (3 * b - a - 3 * c + d) * part**3
        return (2 * b + (c - a) * part + bend) / 2

    return one(0), one(1)


def _turns() -> list[float]:
    return [2 * math.pi * step / _ROUND for step in range(_ROUND + 1)]


_KINDS: dict[str, Callable[[list[Point]], list[Point]]] = {
    "POINT": lambda points: points[:1],
    "POLYLINE": lambda points: points,
    "INTERPOLATED": _interpolated,
    "CIRCLE": _circle,
    "ELLIPSE": _ellipse,
}
"""GraphicType (0070,0023) to the corners that are drawn; compound objects come with these simple ones beside."""

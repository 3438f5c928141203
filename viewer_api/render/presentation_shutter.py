"""What a display shutter covers (PS3.3 C.7.6.11, C.7.6.15, C.11.12)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name
from viewer_api.render.cielab import RGB, cielab_colour
from viewer_api.render.overlay import overlay_bitmap

_EDGES = (
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
)


def covered(
    state: Dataset, shape: tuple[int, int], *, aspect: float = 1.0, frame_number: int = 1
) -> NDArray[np.bool_] | None:
    """True where the shutter is closed, `shape` `(rows, columns)`; None without a shutter.

    Several shapes leave open what lies inside all of them. `aspect` is a pixel's height divided by its width: a
    circle is round on the patient, its radius counts columns.
    """
    shapes = _shapes(state)
    if not shapes:
        return None
    closed = np.zeros(shape, np.bool_)
    if "RECTANGULAR" in shapes:
        closed |= ~_rectangle(state, shape)
    if "CIRCULAR" in shapes:
        closed |= ~_circle(state, shape, aspect)
    if "POLYGONAL" in shapes:
        closed |= ~_polygon(state, shape)
    if "BITMAP" in shapes:
        closed |= _bitmap(state, shape, frame_number)
    return closed


def shutter_colour(state: Dataset) -> RGB:
    """Black unless told: a P-value of 16 bits, or a colour."""
    colour = cielab_colour(state, "ShutterPresentationColorCIELabValue")
    if colour is not None:
        return colour
    grey = min(65535, max(0, attributes.integer(state, "ShutterPresentationValue", 0))) * 255 // 65535
    return grey, grey, grey


def _shapes(state: Dataset) -> list[str]:
    value = attributes.value_of(state, "ShutterShape")
    if value is None:
        return []
    return [str(each).strip().upper() for each in ([value] if isinstance(value, str) else value)]


def _rectangle(state: Dataset, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Edges are rows and columns from 1; those themselves are still seen."""
    upper, lower, left, right = (attributes.integer(state, keyword) for keyword in _EDGES)
    opening = np.zeros(shape, np.bool_)
    opening[max(0, upper - 1) : max(0, lower), max(0, left - 1) : max(0, right)] = True
    return opening


def _circle(state: Dataset, shape: tuple[int, int], aspect: float) -> NDArray[np.bool_]:
    center, radius = (
        _numbers(state, "CenterOfCircularShutter", 2),
        attributes.integer(state, "RadiusOfCircularShutter"),
    )
    rows = (np.arange(shape[0])[:, np.newaxis] + 1 - center[0]) * aspect
    columns = np.arange(shape[1])[np.newaxis] + 1 - center[1]
    return np.asarray(rows * rows + columns * columns <= float(radius) ** 2)


def _polygon(state: Dataset, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Vertices are pairs of row and column."""
    places = _numbers(state, "VerticesOfThePolygonalShutter", 6)
    drawn = Image.new("1", (shape[1], shape[0]))
    points = [(column - 1, row - 1) for row, column in zip(places[::2], places[1::2], strict=False)]
    ImageDraw.Draw(drawn).polygon(points, fill=1, outline=1)
    return np.array(drawn)


def _bitmap(state: Dataset, shape: tuple[int, int], frame_number: int) -> NDArray[np.bool_]:
    group = attributes.integer(state, "ShutterOverlayGroup")
    plane = overlay_bitmap(state, group, shape, frame_number=frame_number)
    if plane is None:
        raise Invalid(f"{tag_name('ShutterOverlayGroup')} names a bitmap that is not there")
    return plane


def _numbers(state: Dataset, keyword: str, least: int) -> tuple[float, ...]:
    values = attributes.numbers(state, keyword)
    if len(values) < least:
        raise Invalid(f"{tag_name(keyword)} has fewer than {least} values")
    return values

"""Which part of an image is shown, how large, and which way up (PS3.3 C.10.4, C.10.6)."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name
from viewer_api.render.options import MAX_VIEWPORT
from viewer_api.render.presentation_state import Target, item_for

Point = tuple[float, float]
_TURNS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
_MOST_UNEVEN = 20.0


@dataclass(frozen=True)
class DisplayedArea:
    """Image coordinates, x to the right and y down, 0\\0 the outer corner of the first pixel.

    `width` x `height` is the size of the area on the picture before it is turned by `rotation` degrees clockwise and
    then, if `flipped`, mirrored left to right.
    """

    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    rotation: int = 0
    flipped: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return (self.height, self.width) if self.rotation in (90, 270) else (self.width, self.height)

    @property
    def scale(self) -> Point:
        """Picture pixels for each image pixel, across and down the image."""
        return self.width / (self.right - self.left), self.height / (self.bottom - self.top)

    def place(self, x: float, y: float) -> Point:
        """Where a point of the image lies on the picture."""
        across, down = self.scale
        x, y = (x - self.left) * across, (y - self.top) * down
        x, y = {
            0: (x, y),
            90: (self.height - y, x),
            180: (self.width - x, self.height - y),
            270: (y, self.width - x),
        }[self.rotation]
        return (self.size[0] - x if self.flipped else x), y

    def cut(self, image: Image.Image, outside: tuple[int, int, int] | int = 0) -> Image.Image:
        """The picture; what lies beside the image is `outside`."""
        box = (
            max(self.left, 0),
            max(self.top, 0),
            min(self.right, image.width),
            min(self.bottom, image.height),
        )
        canvas = Image.new(image.mode, (self.width, self.height), outside)
        if box[0] < box[2] and box[1] < box[3]:
            across, down = self.scale
            corner = round((box[0] - self.left) * across), round((box[1] - self.top) * down)
            size = max(1, round((box[2] - box[0]) * across)), max(1, round((box[3] - box[1]) * down))
            canvas.paste(_resized(image, box, size), corner)
        turned = canvas.transpose(_TURNS[self.rotation]) if self.rotation else canvas
        return turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.flipped else turned


def displayed_area(
    state: Dataset, target: Target, size: tuple[int, int], viewport: tuple[int, int] | None
) -> DisplayedArea:
    """Of an image of `size` `(columns, rows)`, fitted into `viewport`. All of it where the state says nothing.

    Without a viewport an image pixel is a picture pixel, or as many as MAGNIFY says; TRUE SIZE needs a screen whose
    pixels we do not know, and is shown as SCALE TO FIT. Raises `Invalid` for an area without a size.
    """
    item = item_for(state, "DisplayedAreaSelectionSequence", target)
    item = Dataset() if item is None else item
    left, top, right, bottom = _corners(item, size)
    rotation = attributes.integer(state, "ImageRotation", 0) % 360
    if rotation not in (0, 90, 180, 270):
        raise Invalid(f"{tag_name('ImageRotation')} is {rotation}, no quarter turn")
    scale = _magnification(item)
    wanted = (right - left) * scale, (bottom - top) * scale * _aspect(item)
    room = viewport or (MAX_VIEWPORT, MAX_VIEWPORT)
    room = (room[1], room[0]) if rotation in (90, 270) else room
    fit = min(room[0] / wanted[0], room[1] / wanted[1])
    fit = fit if viewport else min(fit, 1.0)
    width, height = (max(1, min(side, round(each * fit))) for side, each in zip(room, wanted, strict=True))
    flipped = attributes.text(state, "ImageHorizontalFlip", "N") == "Y"
    return DisplayedArea(left, top, right, bottom, width, height, rotation, flipped)


def presentation_aspect(state: Dataset, target: Target) -> float:
    """Height of a pixel divided by its width as the state has it, 1.0 if it has none."""
    item = item_for(state, "DisplayedAreaSelectionSequence", target)
    return 1.0 if item is None else _aspect(item)


def _corners(item: Dataset, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Both corners are pixels, counted from 1, and shown; after a turn either may be the left one."""
    first = attributes.numbers(item, "DisplayedAreaTopLeftHandCorner")
    last = attributes.numbers(item, "DisplayedAreaBottomRightHandCorner")
    if len(first) != 2 or len(last) != 2:
        return 0, 0, size[0], size[1]
    columns, rows = sorted((first[0], last[0])), sorted((first[1], last[1]))
    return columns[0] - 1, rows[0] - 1, columns[1], rows[1]


def _magnification(item: Dataset) -> float:
    if attributes.text(item, "PresentationSizeMode", "") != "MAGNIFY":
        return 1.0
    ratio = attributes.numbers(item, "PresentationPixelMagnificationRatio")
    if not ratio or ratio[0] <= 0:
        raise Invalid(f"{tag_name('PresentationPixelMagnificationRatio')} is missing or not above 0")
    return ratio[0]


def _aspect(item: Dataset) -> float:
    for keyword in ("PresentationPixelSpacing", "PresentationPixelAspectRatio"):
        measures = attributes.numbers(item, keyword)
        if len(measures) == 2 and min(measures) > 0:
            return min(_MOST_UNEVEN, max(1 / _MOST_UNEVEN, measures[0] / measures[1]))
    return 1.0


def _resized(
    image: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    if (float(size[0]), float(size[1])) == (box[2] - box[0], box[3] - box[1]):
        return image.crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
    return image.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)

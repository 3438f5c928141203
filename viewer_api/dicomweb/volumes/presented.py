"""Planar MPR presentation states (PS3.3 A.80.1) as what is asked of a rendering.

One input volume in grey, without cropping, registration or tables: what a state says beyond that is refused, as a
picture without it would not be what its author saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydicom import Dataset

from storage.archive import Archive
from storage.errors import Invalid
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.volumes.asked import Asked
from viewer_api.render import Window
from viewer_api.render.attributes import first_item, has_value, numbers, text, value_of
from viewer_api.render.window import WindowFunction
from viewer_api.volume.slab import METHODS, Method
from viewer_api.volume.source import MAX_FRAMES
from viewer_api.volume.vectors import Vector, parallel, unit, vector
from viewer_api.volume.view import View
from viewer_api.volume.view_plane import Rectangle

_PRESENTATION_STATES = "1.2.840.10008.5.1.4.1.1.11."
_PLANAR_MPR = frozenset({_PRESENTATION_STATES + "6", _PRESENTATION_STATES + "7"})
VOLUMETRIC = frozenset(_PRESENTATION_STATES + number for number in ("6", "7", "9", "10", "11"))
"""Grayscale and Compositing Planar MPR, and the three Volume Rendering states (PS3.4 B.5)."""
_FUNCTIONS: dict[str, WindowFunction] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


@dataclass(frozen=True)
class Presented:
    """The images that a state refers to, by UID, and what it asks for."""

    images: tuple[str, ...]
    asked: Asked


def presented(archive: Archive, found: StoredInstance, asked: Asked) -> Presented:
    """What a state asks for; the caller's own view, window, size and quality win where there are some.

    Raises `Invalid`, with ``NOT_RENDERABLE`` for what is not supported here, and for parameters that are not allowed
    beside a state (PS3.18 8.3.5.3).
    """
    if found.sop_class_uid not in _PLANAR_MPR:
        raise _unsupported("volume rendering presentation states")
    _require_allowed(asked)
    header = found.header(archive)
    inputs = value_of(header, "VolumetricPresentationInputSetSequence")
    if not inputs or len(inputs) != 1:
        raise _unsupported("presentation states of several volumes")
    item = first_item(header, "VolumetricPresentationStateInputSequence") or Dataset()
    _require_simple(header, inputs[0], item)
    images = [
        text(each, "ReferencedSOPInstanceUID")
        for each in value_of(inputs[0], "ReferencedImageSequence") or ()
    ]
    if not 0 < len(images) <= MAX_FRAMES:
        raise Invalid("(0008,1140) ReferencedImageSequence refers to no image, or to too many")
    return Presented(tuple(images), _asked(header, item, asked))


def _require_allowed(asked: Asked) -> None:
    not_here = (asked.method, asked.slab_mm, asked.swivel, asked.preset)
    if any(not_here) or asked.references or asked.matches or asked.metadata_only:
        raise Invalid(
            "a presentation state says this itself: view, window, viewport and quality may be given"
        )


def _require_simple(header: Dataset, source: Dataset, item: Dataset) -> None:
    if text(header, "PixelPresentation", "MONOCHROME") != "MONOCHROME":
        raise _unsupported("presentation states in colour")
    if "YES" in (text(item, "Crop", "NO"), text(header, "GlobalCrop", "NO")):
        raise _unsupported("cropping")
    if has_value(source, "ReferencedSpatialRegistrationSequence"):
        raise _unsupported("registered volumes")
    if has_value(item, "VOILUTSequence"):
        raise _unsupported("tables in presentation states")


def _asked(header: Dataset, item: Dataset, asked: Asked) -> Asked:
    rendering = asked.rendering
    inverse = text(header, "PresentationLUTShape", "IDENTITY") == "INVERSE"
    options = replace(rendering.options, window=rendering.options.window or _window(item), invert=inverse)
    return replace(
        asked,
        rendering=replace(rendering, options=options),
        rectangle=None if asked.has_view else _rectangle(header),
        slab_mm=_thickness(header),
        method=_method(header, item),
    )


def _rectangle(header: Dataset) -> Rectangle:
    """PS3.3 C.11.26: the corner is the rectangle's, not a sample's centre."""
    right, down = (_direction(header, f"MPRView{each}Direction") for each in ("Width", "Height"))
    if parallel(right, down) or abs(float(right @ down)) > 1e-3:
        raise Invalid("the directions of this MPR view are not at right angles")
    width, height = (numbers(header, f"MPRView{each}") for each in ("Width", "Height"))
    corner = numbers(header, "MPRTopLeftHandCorner")
    if len(corner) != 3 or not width or not height or min(*width, *height) <= 0:
        raise Invalid("(0070,1505) MPRTopLeftHandCorner, or the size of this MPR view, is missing")
    middle = vector(corner) + width[0] / 2 * right + height[0] / 2 * down
    return Rectangle(View(middle, right, down, unit(np.cross(right, down))), width[0], height[0])


def _direction(header: Dataset, keyword: str) -> Vector:
    found = unit(numbers(header, keyword) or (0.0, 0.0, 0.0))
    if len(found) != 3 or not found.any():
        raise Invalid(f"{keyword} is missing, or no direction")
    return found


def _thickness(header: Dataset) -> float | None:
    thickness = numbers(header, "MPRSlabThickness")
    is_slab = text(header, "MPRThicknessType", "THIN") == "SLAB"
    return thickness[0] if is_slab and thickness and thickness[0] > 0 else None


def _method(header: Dataset, item: Dataset) -> Method | None:
    said = text(item, "RenderingMethod", "") or text(header, "RenderingMethod", "")
    return METHODS.get(said.lower())


def _window(item: Dataset) -> Window | None:
    center, width = numbers(item, "WindowCenter"), numbers(item, "WindowWidth")
    if not center or not width or width[0] <= 0:
        return None
    return Window(center[0], width[0], _FUNCTIONS.get(text(item, "VOILUTFunction", "LINEAR"), "LINEAR"))


def _unsupported(what: str) -> Invalid:
    return Invalid(f"{what} cannot be rendered here", code="NOT_RENDERABLE")

"""The parameters of a volume's rendering (PS3.18 8.3.5.3).

``mproffset`` and ``preset`` are ours: the standard has no parameter to go through parallel planes without reckoning
points, and none for a transfer function outside of a presentation state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from storage.errors import Invalid
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.media_types import DICOM_JSON
from viewer_api.dicomweb.parameters import PICTURES, Rendering, read_number, read_rendering
from viewer_api.volume.slab import METHODS, Method
from viewer_api.volume.source import TRAITS
from viewer_api.volume.view import ORIENTATIONS
from viewer_api.volume.view_plane import Rectangle

Triple = tuple[float, float, float]
_MAX_MM = 1e5
_VIEWPOINT = ("viewpointposition", "viewpointlookat", "viewpointup")
GIF = "image/gif"
MAX_STEPS = 72
"""Pictures of one animation."""


@dataclass(frozen=True)
class Swivel:
    """The view goes to and fro by `range_degrees` in steps of `step_degrees`, `rate` steps a second."""

    range_degrees: float
    step_degrees: float
    rate: int


@dataclass(frozen=True)
class Asked:
    """What is asked; None where the server may decide."""

    rendering: Rendering
    method: Method | None = None
    orientation: str | None = None
    position: Triple | None = None
    look_at: Triple | None = None
    up: Triple = (0.0, 0.0, 0.0)
    slab_mm: float | None = None
    offset_mm: float = 0.0
    preset: str | None = None
    swivel: Swivel | None = None
    references: tuple[str, ...] = ()
    matches: tuple[tuple[str, str], ...] = ()
    metadata_only: bool = False
    rectangle: Rectangle | None = None
    """What a presentation state shows."""

    @property
    def has_view(self) -> bool:
        """Whether the caller says where from."""
        return self.orientation is not None or self.position is not None


def read_asked(request: Request) -> Asked:
    """Raises `Invalid`, naming the parameter; ``NOT_ACCEPTABLE``."""
    given = request.query_params
    position, look_at, up = (_triple(given.get(name), name) for name in _VIEWPOINT)
    orientation = _orientation(given.get("orientation"))
    if (position is None) != (look_at is None) or (up and position is None):
        raise Invalid("viewpointposition and viewpointlookat are needed together", parameter=_VIEWPOINT[0])
    if orientation is not None and position is not None:
        raise Invalid("orientation and viewpoint exclude each other", parameter="orientation")
    swivel = _swivel(given)
    metadata_only = _metadata_only(given.get("renderedvolumetricmetadata"))
    return Asked(
        rendering=read_rendering(request, media_type=_other_than_pictures(request, metadata_only, swivel)),
        method=_method(given.get("renderingmethod")),
        orientation=orientation,
        position=position,
        look_at=look_at,
        up=up or (0.0, 0.0, 0.0),
        slab_mm=_slab(given.get("mprslab")),
        offset_mm=_number(given.get("mproffset") or "0", "mproffset"),
        preset=given.get("preset"),
        swivel=swivel,
        references=_references(given.get("volumeinputreference")),
        matches=tuple((name, value) for name, value in sorted(given.multi_items()) if name in TRAITS),
        metadata_only=metadata_only,
    )


def _other_than_pictures(request: Request, metadata_only: bool, swivel: Swivel | None) -> str | None:
    """What a rendering's media type is where the answer is none: anything that holds grey."""
    if metadata_only:
        choose(request, [DICOM_JSON])
    elif swivel is not None:
        choose(request, [GIF])
    return PICTURES[0] if metadata_only or swivel else None


def _orientation(text: str | None) -> str | None:
    """PS3.18 8.3.5.3.4."""
    if text is None:
        return None
    if text.lower() not in ORIENTATIONS:
        raise Invalid(f"orientation is one of {', '.join(ORIENTATIONS)}", parameter="orientation")
    return text.lower()


def _method(text: str | None) -> Method | None:
    """PS3.18 8.3.5.3.3."""
    if text is None:
        return None
    if text.lower() not in METHODS:
        raise Invalid(f"renderingmethod is one of {', '.join(METHODS)}", parameter="renderingmethod")
    return METHODS[text.lower()]


def _triple(text: str | None, parameter: str) -> Triple | None:
    """``x,y,z`` in mm (PS3.18 8.3.5.3.5 to 8.3.5.3.7)."""
    if text is None:
        return None
    numbers = [_number(word, parameter) for word in text.split(",")]
    if len(numbers) != 3:
        raise Invalid(f"{parameter} is x,y,z", parameter=parameter)
    return numbers[0], numbers[1], numbers[2]


def _slab(text: str | None) -> float | None:
    """Mm (PS3.18 8.3.5.3.8)."""
    if text is None:
        return None
    thickness = _number(text, "mprslab")
    if thickness <= 0:
        raise Invalid("mprslab is thicker than 0 mm", parameter="mprslab")
    return thickness


def _references(text: str | None) -> tuple[str, ...]:
    """UIDs of instances, or numbers of an instance's frames (PS3.18 8.3.5.3.1)."""
    return tuple(word.strip() for word in text.split(",")) if text else ()


def _swivel(given: Mapping[str, str]) -> Swivel | None:
    """PS3.18 8.3.5.3.9, 8.3.5.3.11, 8.3.5.3.12."""
    if given.get("swivelrange") is None:
        return None
    extent = _number(given["swivelrange"], "swivelrange")
    step = _number(given.get("animationstepsize") or str(max(extent / 24, 1)), "animationstepsize")
    rate = _number(given.get("animationrate") or "10", "animationrate")
    if not 0 < extent <= 360 or not 0 < step <= extent or extent / step > MAX_STEPS:
        raise Invalid(f"a swivel has up to 360 degrees and {MAX_STEPS} steps", parameter="swivelrange")
    if not (1 <= rate <= 50 and rate == int(rate)):
        raise Invalid("animationrate is a whole number from 1 to 50", parameter="animationrate")
    return Swivel(extent, step, int(rate))


def _metadata_only(text: str | None) -> bool:
    """PS3.18 8.3.5.3.13."""
    if text not in (None, "yes"):
        raise Invalid("renderedvolumetricmetadata is yes", parameter="renderedvolumetricmetadata")
    return text == "yes"


def _number(word: str, parameter: str) -> float:
    return read_number(word, parameter, _MAX_MM)

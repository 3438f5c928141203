"""What was rendered, told beside the picture or in place of it (PS3.18 Annex K).

The Rendered Volume Response Module has the parameters that were used. We add where the picture lies in the patient,
in the attributes of an image, so that a viewer can draw reference lines and measure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viewer_api.dicomweb.volumes.asked import Swivel
from viewer_api.render import Window
from viewer_api.volume.slab import Method
from viewer_api.volume.vectors import Vector
from viewer_api.volume.view import View
from viewer_api.volume.view_plane import ViewPlane

_UID = re.compile(r"[0-9.]{1,64}")
"""What may stand in a header: files say other things too."""


@dataclass(frozen=True)
class Told:
    """One rendering. `offsets` are how far the plane lies before or behind the volume's middle, and the range in which
    there are planes, mm: (now, first, last, step)."""

    operation: str
    """Reformatting Operation Type (0072,0510): MPR or 3D_RENDERING."""
    method: Method
    view: View
    plane: ViewPlane
    frame_of_reference_uid: str
    window: Window | None
    slab_mm: float | None
    offsets: tuple[float, float, float, float] | None
    swivel: Swivel | None = None
    notices: Sequence[str] = ()

    def headers(self) -> dict[str, str]:
        """Beside a picture. Warnings have the form that PS3.18 gives them."""
        plane = self.plane
        found = {
            "Farlight-Image-Position": _listed(plane.origin),
            "Farlight-Image-Orientation": _listed([*plane.right, *plane.down]),
            "Farlight-Pixel-Spacing": _listed([plane.spacing_mm, plane.spacing_mm]),
        }
        if _UID.fullmatch(self.frame_of_reference_uid):
            found["Farlight-Frame-Of-Reference"] = self.frame_of_reference_uid
        if self.offsets is not None:
            found["Farlight-Mpr-Offsets"] = _listed(self.offsets)
        if self.window is not None:
            window = f"{self.window.center:g},{self.window.width:g},{self.window.function.lower()}"
            found["Farlight-Window"] = window.replace("_", "-")
        if self.notices:
            found["Warning"] = ", ".join(f'299 farlight "{notice}"' for notice in self.notices)
        return found

    def module(self) -> dict[str, Any]:
        """PS3.18 Table K.1-1 in the DICOM JSON model, then the picture's place."""
        elements = [
            ("00720510", "CS", [self.operation]),
            ("0070120D", "CS", [self.method]),
            ("00701603", "FD", self.view.position.tolist()),
            ("00701604", "FD", self.view.look_at.tolist()),
            ("00701605", "FD", self.view.up.tolist()),
            *self._optional(),
            ("00200032", "DS", [_decimal(each) for each in self.plane.origin]),
            ("00200037", "DS", [_decimal(each) for each in (*self.plane.right, *self.plane.down)]),
            ("00200052", "UI", [self.frame_of_reference_uid] if self.frame_of_reference_uid else []),
            ("00280010", "US", [self.plane.height]),
            ("00280011", "US", [self.plane.width]),
            ("00280030", "DS", [_decimal(self.plane.spacing_mm)] * 2),
        ]
        return {tag: {"vr": vr, "Value": value} for tag, vr, value in sorted(elements) if value}

    def _optional(self) -> list[tuple[str, str, list[Any]]]:
        found: list[tuple[str, str, list[Any]]] = []
        if self.slab_mm is not None:
            found.append(("00701503", "FD", [self.slab_mm]))
        if self.window is not None:
            found.append(("00281050", "DS", [self.window.center]))
            found.append(("00281051", "DS", [self.window.width]))
            found.append(("00281056", "CS", [self.window.function]))
        if self.swivel is not None:
            found.append(("00701A06", "FD", [self.swivel.range_degrees]))
            found.append(("00701A05", "FD", [self.swivel.step_degrees]))
            found.append(("00701A03", "FD", [float(self.swivel.rate)]))
        if self.notices:
            found.append(("00082111", "ST", ["; ".join(self.notices)]))
        return found


def _listed(numbers: Sequence[float] | Vector) -> str:
    return ",".join(_shortest(each) for each in numbers)


def _decimal(number: float) -> float:
    """Rounded so that it fits 16 characters, and without a negative zero."""
    return float(f"{float(number):.6f}") + 0.0


def _shortest(number: float) -> str:
    return f"{_decimal(number):.6f}".rstrip("0").rstrip(".")

"""How somebody looks at a volume: where from, where to, and what is up (PS3.18 8.3.5.3.4 to 8.3.5.3.7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.errors import Invalid
from viewer_api.volume.vectors import Vector, parallel, unit, vector

_LEFT, _BACK, _HEAD = vector((1, 0, 0)), vector((0, 1, 0)), vector((0, 0, 1))
_LETTERS = {
    "a": (_BACK, _HEAD),
    "p": (-_BACK, _HEAD),
    "r": (_LEFT, _HEAD),
    "l": (-_LEFT, _HEAD),
    "h": (-_HEAD, -_BACK),
    "f": (_HEAD, -_BACK),
}
"""The direction of sight and what is up, by where the camera is (PS3.18 8.3.5.3.4)."""
ORIENTATIONS = tuple(_LETTERS)


@dataclass(frozen=True)
class View:
    """An orthographic camera. `look_at` is the point in the patient at which it looks, mm; the others are unit
    directions: `right` and `down` of the picture, and `forward`, away from the viewer."""

    look_at: Vector
    right: Vector
    down: Vector
    forward: Vector

    @property
    def position(self) -> Vector:
        """One mm before what it looks at, as PS3.17 XXX.8 has it: the distance says nothing without perspective."""
        return self.look_at - self.forward

    @property
    def up(self) -> Vector:
        """The direction of the picture's upper edge."""
        return -self.down

    def moved(self, forward_mm: float) -> View:
        """Further into the patient."""
        return View(self.look_at + forward_mm * self.forward, self.right, self.down, self.forward)

    def turned(self, degrees: float) -> View:
        """The camera goes round the axis through what it looks at, to the right (PS3.18 8.3.5.3.9)."""
        angle = np.radians(degrees)
        forward = np.cos(angle) * self.forward - np.sin(angle) * self.right
        right = np.sin(angle) * self.forward + np.cos(angle) * self.right
        return View(self.look_at, unit(right), self.down, unit(forward))


def view_from(letter: str, look_at: Vector) -> View:
    """From one of six sides. Raises `Invalid`."""
    if letter not in _LETTERS:
        raise Invalid(f"orientation is one of {', '.join(_LETTERS)}", parameter="orientation")
    forward, up = _LETTERS[letter]
    return _camera(look_at, forward, up)


def view_between(position: Vector, look_at: Vector, up: Vector) -> View:
    """From a point towards another. An `up` that says nothing becomes the head, then the front.

    Raises `Invalid` where the points are one.
    """
    forward = unit(look_at - position)
    if not forward.any():
        raise Invalid("viewpointposition and viewpointlookat are one point", parameter="viewpointposition")
    ways = [each for each in (unit(up), _HEAD, -_BACK) if each.any() and not parallel(each, forward)]
    return _camera(look_at, forward, ways[0])


def _camera(look_at: Vector, forward: Vector, up: Vector) -> View:
    right = unit(np.cross(forward, up))
    return View(look_at, right, np.cross(forward, right), forward)

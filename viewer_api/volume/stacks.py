"""Frames sorted into volumes: one orientation, one matrix, one place each (PS3.3 C.11.23.1).

A series may hold several: a localizer beside the scan, phases, echoes, b-values at the same places.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from viewer_api.volume.source import TRAITS, Plane, SourceFrame

_SAME_PLACE_MM = 0.01
_CROWDED = 0.1
"""Slices closer than this part of the usual distance belong to two volumes."""
_SAME_ORIENTATION = 1.5e-6
"""1 minus the cosine of 0.1 degrees."""
_SAME_SPACING = 1e-3


@dataclass(frozen=True)
class Stack:
    """Frames of one volume, sorted along their normal; `traits` are what tells it from its siblings."""

    frames: tuple[SourceFrame, ...]
    traits: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    """Frames at places where another one was taken."""

    @property
    def middle(self) -> SourceFrame:
        """The frame that stands for all."""
        return self.frames[len(self.frames) // 2]


def stacks(frames: Sequence[SourceFrame]) -> list[Stack]:
    """All volumes of two slices and more, the largest first."""
    found = [stack for cluster in _clusters(frames) for stack in _split(cluster)]
    whole = [stack for stack in found if len(stack.frames) > 1]
    return sorted(whole, key=lambda stack: -len(stack.frames))


def _clusters(frames: Sequence[SourceFrame]) -> list[list[SourceFrame]]:
    found: list[list[SourceFrame]] = []
    for frame in frames:
        for cluster in found:
            if _same_geometry(cluster[0].plane, frame.plane):
                cluster.append(frame)
                break
        else:
            found.append([frame])
    return found


def _same_geometry(one: Plane, other: Plane) -> bool:
    same = one.shape == other.shape and one.frame_of_reference_uid == other.frame_of_reference_uid
    if not same or not np.allclose(one.spacing, other.spacing, rtol=_SAME_SPACING):
        return False
    return float(min(one.row @ other.row, one.column @ other.column)) > 1 - _SAME_ORIENTATION


def _split(frames: list[SourceFrame]) -> list[Stack]:
    return _divided(frames, {}, TRAITS)


def _divided(frames: list[SourceFrame], traits: dict[str, str], left: Sequence[str]) -> list[Stack]:
    """By the first trait that leaves no two frames at one place, else by the first that divides them at all."""
    ordered = sorted(frames, key=lambda each: frames[0].plane.normal @ each.plane.position)
    if not _crowded(ordered):
        return [Stack(tuple(ordered), traits)]
    ways = {keyword: _grouped(ordered, keyword) for keyword in left}
    ways = {keyword: groups for keyword, groups in ways.items() if 1 < len(groups) < len(ordered)}
    if not ways:
        return _by_occurrence(ordered, traits)
    clean = [keyword for keyword, groups in ways.items() if not any(map(_crowded, groups.values()))]
    keyword = (clean or list(ways))[0]
    rest = [each for each in left if each != keyword]
    return [
        stack
        for value, group in ways[keyword].items()
        for stack in _divided(group, {**traits, keyword: value}, rest)
    ]


def _grouped(frames: Sequence[SourceFrame], keyword: str) -> dict[str, list[SourceFrame]]:
    groups: defaultdict[str, list[SourceFrame]] = defaultdict(list)
    for frame in frames:
        groups[frame.traits.get(keyword, "")].append(frame)
    return dict(groups)


def _crowded(ordered: Sequence[SourceFrame]) -> bool:
    gaps = np.diff(depths(ordered))
    return bool(gaps.size) and float(gaps.min()) < max(_SAME_PLACE_MM, _CROWDED * float(np.median(gaps)))


def depths(ordered: Sequence[SourceFrame]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Along the first frame's normal, mm from the frame of reference's origin, `(frames,)`."""
    normal = ordered[0].plane.normal
    return np.array([each.plane.position @ normal for each in ordered])


def _by_occurrence(ordered: list[SourceFrame], traits: dict[str, str]) -> list[Stack]:
    """Nothing tells them apart: the first frame at each place, the second, and so on.

    Where all places have as many frames these are repetitions, else the further ones are strays.
    """
    places: list[list[SourceFrame]] = []
    for frame, depth in zip(ordered, depths(ordered), strict=True):
        if places and depth - depths([ordered[0], places[-1][0]])[1] < _SAME_PLACE_MM:
            places[-1].append(frame)
        else:
            places.append([frame])
    for place in places:
        place.sort(key=lambda each: (each.found.instance_number or 0, each.number, each.found.id))
    counts = Counter(len(place) for place in places)
    if len(counts) > 1:
        extra = sum(len(place) - 1 for place in places)
        return [Stack(tuple(place[0] for place in places), traits, left_out=extra)]
    return [
        Stack(tuple(place[index] for place in places), {**traits, "repetition": str(index + 1)})
        for index in range(max(counts))
    ]

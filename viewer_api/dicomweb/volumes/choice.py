"""Which of several volumes is meant (PS3.18 8.3.5.3.1, 8.3.5.3.2)."""

from __future__ import annotations

from collections.abc import Sequence

from storage.errors import Conflict, Invalid, NotFound
from viewer_api.volume.stacks import Stack

_CLEARLY_LARGER = 2
_TOLD = 20


def chosen_stack(
    stacks: Sequence[Stack], references: Sequence[str], matches: Sequence[tuple[str, str]]
) -> Stack:
    """The volume that holds all `references` and fits all `matches`; without them the one that has at least twice as
    many slices as any other.

    Raises `Invalid` ``NOT_A_VOLUME`` if there is none at all, `NotFound` if none fits, `Conflict` ``SEVERAL_VOLUMES``
    with `volumes` where it is not clear which one is meant.
    """
    if not stacks:
        raise Invalid(
            "no two images here lie one above the other, with positions, orientation and pixel spacing",
            code="NOT_A_VOLUME",
        )
    fitting = [each for each in stacks if _holds(each, references) and _fits(each, matches)]
    if not fitting:
        raise NotFound("no volume holds what volumeinputreference or the matching attributes name")
    if len(fitting) > 1 and len(fitting[0].frames) < _CLEARLY_LARGER * len(fitting[1].frames):
        raise Conflict(
            "there are several volumes here: name an instance of one by volumeinputreference, or match an attribute",
            code="SEVERAL_VOLUMES",
            volumes=[_told(each) for each in fitting[:_TOLD]],
        )
    return fitting[0]


def _holds(stack: Stack, references: Sequence[str]) -> bool:
    names = {name for frame in stack.frames for name in (frame.found.sop_instance_uid, str(frame.number))}
    return names.issuperset(references)


def _fits(stack: Stack, matches: Sequence[tuple[str, str]]) -> bool:
    every = [frame.traits for frame in stack.frames]
    return all(
        any(_matches(traits.get(keyword, ""), wanted) for traits in every) for keyword, wanted in matches
    )


def _matches(value: str, wanted: str) -> bool:
    """A single value, or a range of numbers ``low-high`` (PS3.4 C.2.2.2)."""
    if value == wanted:
        return True
    low, dash, high = wanted.partition("-")
    try:
        return bool(dash) and float(low or "-inf") <= float(value) <= float(high or "inf")
    except ValueError:
        return False


def _told(stack: Stack) -> dict[str, object]:
    middle = stack.middle
    return {
        "volumeinputreference": middle.found.sop_instance_uid,
        "frame": middle.number,
        "slices": len(stack.frames),
        **stack.traits,
    }

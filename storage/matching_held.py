"""The matching kinds of PS3.4 C.2.2.2 on attributes that are held and not indexed, in the DICOM JSON model.

The same rules as those of `storage.matching`, which asks the index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.json_model import JsonModel
from storage.matching import EMPTY, has_wildcard


@dataclass(frozen=True)
class HeldKey:
    """What is asked of one attribute: any of `values`, or one item of a sequence that meets all of `items`."""

    vr: str
    values: tuple[str, ...] = ()
    items: Mapping[str, HeldKey] = field(default_factory=dict)

    @property
    def matches_all(self) -> bool:
        """Universal matching (PS3.4 C.2.2.2.3)."""
        if self.vr == "SQ":
            return all(key.matches_all for key in self.items.values())
        return all(value.strip("* ") == "" for value in self.values)


def held_matches(model: JsonModel, keys: Mapping[str, HeldKey]) -> bool:
    """Whether `model` meets all keys, by tag (eight hexadecimal digits)."""
    return all(key.matches_all or _matches(model.get(tag, {}), key) for tag, key in keys.items())


def _matches(element: Mapping[str, Any], key: HeldKey) -> bool:
    held = [value for value in element.get("Value", []) if value not in (None, "")]
    if key.vr == "SQ":
        return any(isinstance(item, dict) and held_matches(item, key.items) for item in held)
    wanted = [value.strip(" \0") for value in key.values if value.strip(" \0")]
    if EMPTY in wanted and not held:
        return True
    compare = _COMPARE.get(key.vr, _text)
    return any(compare(_plain(value), one) for value in held for one in wanted)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(str(value.get(name, "")) for name in ("Alphabetic", "Ideographic", "Phonetic"))
    return str(value).strip(" \0")


def _text(held: str, wanted: str) -> bool:
    return bool(_pattern(wanted).fullmatch(held)) if has_wildcard(wanted) else held == wanted


def _name(held: str, wanted: str) -> bool:
    groups = [group.rstrip("^ ") for group in held.split("=")]
    asked = [group.rstrip("^ ") for group in wanted.split("=")]
    return all(any(_pattern(one).fullmatch(group) for group in groups if group) for one in asked if one)


def _pattern(wanted: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", wanted))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _moment(held: str, wanted: str) -> bool:
    """A day, a time or both, or a range of them that includes its ends; as precise as what is asked."""
    plain = held.replace(":", "").replace(".", "")
    if "-" not in wanted:
        return plain.startswith(wanted.replace(":", "").replace(".", ""))
    first, _, last = (end.strip().replace(":", "").replace(".", "") for end in wanted.partition("-"))
    return (not first or plain.ljust(len(first), "0") >= first) and (not last or plain[: len(last)] <= last)


def _number(held: str, wanted: str) -> bool:
    try:
        return float(held) == float(wanted)
    except ValueError:
        return False


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "PN": _name,
    **dict.fromkeys(("DA", "TM", "DT"), _moment),
    **dict.fromkeys(("IS", "DS", "US", "SS", "UL", "SL", "FL", "FD", "UV", "SV"), _number),
}

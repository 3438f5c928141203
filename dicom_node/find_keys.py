"""What a C-FIND identifier asks for (PS3.4 C.4.1.1.3, C.2.2.2): its level, what must match, what is to be returned.

Keys of any level are taken at any level, whether relational queries were negotiated or not: refusing helps nobody.
Group lengths, which some workstations send, are no keys; neither is the time zone, which is not matched on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.charset import convert_encodings
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

from storage.errors import Invalid
from storage.held_tags import COMPUTED_TAGS, held_tags, is_known
from storage.matching_held import HeldKey
from storage.query import Match
from storage.query_keys import QUERY_KEYS, Level
from storage.structure import tag_name
from storage.text import choose_charset, without_escapes

CHARSET, LEVEL, AVAILABILITY, RETRIEVE_AE_TITLE = 0x00080005, 0x00080052, 0x00080056, 0x00080054
_NO_KEYS = frozenset({CHARSET, LEVEL, 0x00080053, AVAILABILITY, RETRIEVE_AE_TITLE, 0x00080201})
"""Beside the character set and the level: the view, and what only answers say; the time zone."""
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN"})
MAX_KEYS = 512
"""Attributes of one query, those in sequences included."""

_LEVELS = {
    "PATIENT": Level.PATIENT,
    "STUDY": Level.STUDY,
    "SERIES": Level.SERIES,
    "IMAGE": Level.INSTANCE,
}
_LEVELS_OF_MODEL = {
    "1": tuple(_LEVELS),  # Patient Root
    "2": ("STUDY", "SERIES", "IMAGE"),  # Study Root
    "3": ("PATIENT", "STUDY"),  # Patient/Study Only, retired
}
"""By the last component but one of the SOP class (PS3.4 C.6)."""

_OF_ROW = frozenset({"00080016", "00080018", "00200013", "00280010", "00280011", "00280008"})
"""Of an instance, known without its header."""


@dataclass(frozen=True)
class FindKeys:
    """A query: `wanted` are the tags to return with their VRs, `matches` is for the index, `held` for what is not
    in it. `supported` is false if some key can neither be matched on nor returned at this level."""

    level: Level
    name: str
    matches: tuple[Match, ...]
    held: Mapping[str, HeldKey]
    wanted: Mapping[str, str]
    supported: bool
    creators: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_headers(self) -> bool:
        """Whether the headers of instances must be read."""
        if self.level is not Level.INSTANCE:
            return False
        return not {*self.wanted, *self.held} <= held_tags(Level.SERIES) | _OF_ROW


def read_keys(sop_class_uid: str, identifier: Dataset | None, node_charset: str) -> FindKeys:
    """Raises `Invalid`, naming the attribute, for what cannot be understood."""
    if identifier is None:
        raise Invalid("the C-FIND request brought no identifier")
    _decode(identifier, node_charset)
    name, level = _level(sop_class_uid, identifier)
    keys = dict(_keys(identifier))
    _require_few(keys)
    held = {tag: key for tag, key in keys.items() if _is_compared(tag, key)}
    able = {tag: key for tag, key in held.items() if is_known(tag, level) and tag not in COMPUTED_TAGS}
    matches = tuple(
        Match(_keyword(tag), key.values)
        for tag, key in keys.items()
        if _keyword(tag) in QUERY_KEYS and not key.matches_all
    )
    known = all(is_known(tag, level) for tag in keys)
    wanted = {tag: key.vr for tag, key in keys.items()}
    return FindKeys(level, name, matches, able, wanted, known and len(able) == len(held), _creators(keys))


def _is_compared(tag: str, key: HeldKey) -> bool:
    """Whether this is matched on and not in the index."""
    return not (key.matches_all or _keyword(tag) in QUERY_KEYS or _is_creator(tag))


def _level(sop_class_uid: str, identifier: Dataset) -> tuple[str, Level]:
    model = sop_class_uid.split(".")[-2:-1]
    allowed = _LEVELS_OF_MODEL.get(model[0] if model else "", ())
    name = "".join(_values(identifier, LEVEL)).strip().upper() if LEVEL in identifier else ""
    if name not in allowed:
        raise Invalid(f"{tag_name(LEVEL)} is not one of {', '.join(allowed)}")
    return name, _LEVELS[name]


def _require_few(keys: Mapping[str, HeldKey]) -> None:
    def count(some: Mapping[str, HeldKey]) -> int:
        return sum(1 + count(key.items) for key in some.values())

    if count(keys) > MAX_KEYS:
        raise Invalid(f"the identifier has more than {MAX_KEYS} keys")


def _keyword(tag: str) -> str:
    return keyword_for_tag(int(tag, 16))


def _creators(keys: Mapping[str, HeldKey]) -> dict[str, str]:
    """Private creators that the query names, by group and block: ``000910`` (PS3.5 7.8.1)."""
    return {tag[:4] + tag[6:]: key.values[0] for tag, key in keys.items() if _is_creator(tag) and key.values}


def _is_creator(tag: str) -> bool:
    return int(tag[:4], 16) % 2 == 1 and tag[4:6] == "00"


# -- reading values --------------------------------------------------------------------------------


def _keys(dataset: Dataset) -> Iterator[tuple[str, HeldKey]]:
    for tag in sorted(dataset.keys()):
        if tag.element != 0 and int(tag) not in _NO_KEYS:
            yield f"{tag:08X}", _key(dataset, int(tag))


def _key(dataset: Dataset, tag: int) -> HeldKey:
    element = _element(dataset, tag)
    if element.VR == "SQ":
        items = list(element.value or [])
        return HeldKey("SQ", items=dict(_keys(items[0])) if items else {})
    return HeldKey(element.VR[:2], tuple(_values(dataset, tag)))


def _values(dataset: Dataset, tag: int) -> list[str]:
    value: Any = _element(dataset, tag).value
    if isinstance(value, bytes):  # a private attribute in implicit VR: nobody knows what it is
        return value.decode("ascii", "ignore").split("\\")
    if value is None:
        return []
    many = value if isinstance(value, MultiValue | list) else [value]
    return [without_escapes(str(one)) for one in many]


def _element(dataset: Dataset, tag: int) -> DataElement:
    try:
        element: DataElement = dataset[tag]
    except Exception as why:  # pydicom raises many kinds here; each means the same to a caller
        raise Invalid(f"{tag_name(tag)} cannot be read") from why
    return element


# -- the character set -----------------------------------------------------------------------------


def _decode(identifier: Dataset, node_charset: str) -> None:
    """Let the values be read in the set that fits them; what is decoded already stays."""
    samples = list(_samples(identifier))
    if not samples:
        return
    declared = _values(identifier, CHARSET) if CHARSET in identifier else []
    charset = choose_charset(declared, node_charset, samples)
    _set_encodings(identifier, convert_encodings(list(charset.terms)))


def _samples(dataset: Dataset) -> Iterator[bytes]:
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset decodes it; its keys do not
        element: object = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            if element.value and (element.VR is None or element.VR in _TEXT_VRS):
                yield bytes(element.value)
        elif isinstance(element, DataElement) and element.VR == "SQ":
            for item in element.value or []:
                yield from _samples(item)


def _set_encodings(dataset: Dataset, encodings: list[str]) -> None:
    implicit_vr, little_endian = dataset.original_encoding
    dataset.set_original_encoding(implicit_vr, little_endian, encodings)
    for tag in dataset.keys():  # noqa: SIM118
        element: object = dataset.get_item(tag)
        if isinstance(element, DataElement) and element.VR == "SQ":
            for item in element.value or []:
                _set_encodings(item, encodings)

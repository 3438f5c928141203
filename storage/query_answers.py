"""What a search returns for each study, series and instance (PS3.18 Tables 10.6.3-3 to 10.6.3-5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR
from sqlalchemy import Row

from storage.json_model import JsonModel

ALL = "all"
AVAILABLE_TRANSFER_SYNTAX = "00083002"

STUDY_TAGS = (
    *("00080020", "00080030", "00080050", "00080090", "00081030"),
    *("00100010", "00100020", "00100030", "00100040", "0020000D", "00200010"),
)
SERIES_TAGS = ("00080060", "0008103E", "0020000E", "00200011")
INSTANCE_TAGS = ("00080016", "00080018", "00200013")
_IF_KNOWN = {
    "study": ("00080005", "00080201", "00100021"),
    "series": ("00080005", "00080201", "00400244", "00400245", "00400275"),
    "instance": ("00080005", "00080201", "00280008", "00280010", "00280011", "00280100"),
}

_WITHOUT_VALUE: dict[str, JsonModel] = {
    tag: {"vr": dictionary_VR(int(tag, 16))} for tag in (*STUDY_TAGS, *SERIES_TAGS, *INSTANCE_TAGS)
}
"""Shared by all answers; nobody may change them."""
_ONLINE: JsonModel = {"00080056": {"vr": "CS", "Value": ["ONLINE"]}}


def study_answer(row: Row[Any], include: frozenset[str]) -> JsonModel:
    """Table 10.6.3-3, without RetrieveURL, which the wire knows."""
    return _sorted(_study(row, include))


def series_answer(row: Row[Any], include: frozenset[str], *, with_study: bool) -> JsonModel:
    """Table 10.6.3-4; `with_study` for a search that did not name its study."""
    above = _study(row, include) if with_study else _included(row.study_attributes, include - {ALL})
    return _sorted({**above, **_series(row, include), "0020000D": _text("UI", row.study_instance_uid)})


def instance_answer(
    row: Row[Any], header: JsonModel, include: frozenset[str], *, with_study: bool, with_series: bool
) -> JsonModel:
    """Table 10.6.3-5; an instance can give every attribute of its header that is asked for."""
    answer: JsonModel = {}
    if with_study:
        answer |= _study(row, frozenset())
    if with_series:
        answer |= _series(row, frozenset())
    answer |= _required(header, INSTANCE_TAGS) | _picked(header, _IF_KNOWN["instance"])
    answer |= _included(header, include)
    if not include.isdisjoint({ALL, AVAILABLE_TRANSFER_SYNTAX}):
        answer[AVAILABLE_TRANSFER_SYNTAX] = _text("UI", row.transfer_syntax_uid)
    answer["0020000D"] = _text("UI", row.study_instance_uid)
    answer["0020000E"] = _text("UI", row.series_instance_uid)
    return _sorted(answer | _ONLINE)


def answered_tags(include: frozenset[str]) -> frozenset[str] | None:
    """What `instance_answer` takes from a header, None if all."""
    return None if ALL in include else include | {*INSTANCE_TAGS, *_IF_KNOWN["instance"]}


def known_of(row: Row[Any]) -> JsonModel:
    """Of an instance's header, what has a column."""
    model = {"00080016": _text("UI", row.sop_class_uid), "00080018": _text("UI", row.sop_instance_uid)}
    numbers = {
        "00200013": ("IS", row.instance_number),
        "00280010": ("US", row.rows),
        "00280011": ("US", row.columns),
    }
    return model | {
        tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in numbers.items() if value is not None
    }


def _study(row: Row[Any], include: frozenset[str]) -> JsonModel:
    held: JsonModel = row.study_attributes
    computed = {
        "00080061": _text("CS", *filter(None, row.modalities_in_study.split("\\"))),
        "0020000D": _text("UI", row.study_instance_uid),
        "00201206": _number(row.number_of_study_related_series),
        "00201208": _number(row.number_of_study_related_instances),
    }
    plain = _required(held, STUDY_TAGS) | _picked(held, _IF_KNOWN["study"]) | _included(held, include)
    return plain | computed | _ONLINE


def _series(row: Row[Any], include: frozenset[str]) -> JsonModel:
    held: JsonModel = row.series_attributes
    computed = {
        "0020000E": _text("UI", row.series_instance_uid),
        "00201209": _number(row.number_of_series_related_instances),
    }
    plain = _required(held, SERIES_TAGS) | _picked(held, _IF_KNOWN["series"]) | _included(held, include)
    return plain | computed


def _required(held: JsonModel, tags: Iterable[str]) -> JsonModel:
    """What is not known is there without a value."""
    return {tag: held.get(tag) or _WITHOUT_VALUE[tag] for tag in tags}


def _picked(held: JsonModel, tags: Iterable[str]) -> JsonModel:
    return {tag: held[tag] for tag in tags if tag in held}


def _included(held: JsonModel, include: frozenset[str]) -> JsonModel:
    return dict(held) if ALL in include else _picked(held, include)


def _text(vr: str, *values: str) -> JsonModel:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _number(value: int) -> JsonModel:
    return {"vr": "IS", "Value": [value]}


def _sorted(answer: JsonModel) -> JsonModel:
    return dict(sorted(answer.items()))

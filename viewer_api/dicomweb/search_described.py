"""What searches take and answer, for `/openapi.json` and the capabilities: the index's keys are their parameters."""

from __future__ import annotations

from typing import Any

from storage.query import DEFAULT_LIMIT, MAX_COUNT, MAX_LIMIT
from storage.query_keys import QUERY_KEYS, Level
from viewer_api.dicomweb.media_types import DICOM_JSON

_FLAG = {"type": "boolean", "default": False}


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _count(default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": MAX_COUNT, "default": default}


_PAGING = (
    _parameter("limit", _count(DEFAULT_LIMIT), f"results on a page; more than {MAX_LIMIT} are never given"),
    _parameter("offset", _count(0), "results that are passed over"),
    _parameter("fuzzymatching", _FLAG, "names by beginnings of their words, in pinyin too (PS3.18 8.3.4.2)"),
    _parameter("emptyvaluematching", _FLAG, 'a value of "" finds what has none (PS3.4 C.2.2.2.8)'),
    _parameter("multiplevaluematching", _FLAG, "a backslash stands between values (PS3.4 C.2.2.2.9)"),
    _parameter(
        "includefield",
        {"type": "array", "items": {"type": "string"}},
        "keywords or tags of attributes to be returned beside the required ones, or all",
    ),
    _parameter("accept", {"type": "string"}, "instead of the Accept header (PS3.18 8.3.3.1)"),
)
_NOT_HERE = {Level.STUDY: {"series", "instance"}, Level.SERIES: {"instance"}, Level.INSTANCE: set[str]()}


def _keys(level: Level) -> list[dict[str, Any]]:
    """Keys of lower levels are taken too; only the level's own are described."""
    return [
        _parameter(
            key.keyword, {"type": "string"}, f"({key.tag[:4]},{key.tag[4:]}), {key.kind.lower()} matching"
        )
        for key in QUERY_KEYS.values()
        if key.table not in _NOT_HERE[level]
    ]


SEARCH: dict[Level, dict[str, Any]] = {
    level: {
        "produces": (DICOM_JSON, "application/json"),
        "parameters": [*_PAGING, *_keys(level)],
        "statuses": (304, 406, 413),
    }
    for level in (Level.STUDY, Level.SERIES, Level.INSTANCE)
}
"""By level, the keyword arguments of `routes.get`."""

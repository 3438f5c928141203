"""Matching on attributes that are held and not indexed: rows that the index leaves are compared one by one.

What is compared is what is known of a row at its level and above; of an instance that is its whole header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from storage.errors import Invalid
from storage.json_model import JsonModel
from storage.matching_held import HeldKey, held_matches
from storage.query_keys import Level

MAX_LOOKED_THROUGH = {Level.STUDY: 50_000, Level.SERIES: 50_000, Level.INSTANCE: 10_000}
"""Rows; the headers of instances are unpacked."""
_AT_ONCE = 200

Rows = Sequence[Row[Any]]


def looked_through(
    level: Level,
    rows: Sequence[int],
    held: Mapping[str, HeldKey],
    load: Callable[[Sequence[int]], Rows],
    model_of: Callable[[Row[Any]], JsonModel],
) -> Iterator[int]:
    """Those of `rows` that meet all `held` keys, in their order. Raises `Invalid` ``TOO_BROAD``."""
    if len(rows) > MAX_LOOKED_THROUGH[level]:
        raise Invalid(
            f"more than {MAX_LOOKED_THROUGH[level]} would have to be looked through for what is in no index:"
            " name a study, a patient or a range of dates as well",
            code="TOO_BROAD",
        )
    for start in range(0, len(rows), _AT_ONCE):
        for row in load(rows[start : start + _AT_ONCE]):
            if held_matches(model_of(row), held):
                yield row.row

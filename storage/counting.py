"""How many rows a search finds in all, as far as that is cheap to know.

A count goes through every row that a page need not see. So it is made only where what there is to go through is
known to be little: a key leaves few rows, or the searcher sees few studies; else there is none, unless it is asked
for whatever it costs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select, union_all

from storage.finding import Condition, Conditions, Seen, asked_of, is_of_dates, rows_of
from storage.query_keys import Level
from storage.starting_points import StartingPoint
from storage.tables import study
from storage.visibility import Visible

CHEAP = 2000
"""Studies that are gone through for a count."""
EVERY = 2**31
"""As many as there are."""


def count_rows(
    connection: Connection,
    level: Level,
    conditions: Conditions,
    visible: Seen,
    start: StartingPoint | None,
    most: int = CHEAP,
) -> int | None:
    """The number of rows of `level` (study or below), None if more than `most` would have to be gone through."""
    if start is not None:
        seen = visible.condition() if isinstance(visible, Visible) else visible
        return _up_to(connection, rows_of(level).where(start.condition(level), seen), level, conditions, most)
    parts = _parts(visible)
    if not parts:
        return 0
    candidates = _candidates(parts, [one for one in conditions.get("study", []) if is_of_dates(one)], most)
    if (_number(connection, select(candidates.c.id).limit(most + 1)) or 0) > most:
        return None
    within = rows_of(level).where(study.c.id.in_(select(candidates.c.id)))
    return _up_to(connection, within, level, conditions, most)


def _parts(visible: Seen) -> list[Condition]:
    """Each has an index; a count needs no order, so that all hospitals are one part."""
    if not isinstance(visible, Visible):
        return [visible]
    own: list[Condition] = [study.c.site.in_(visible.sites)] if visible.sites else []
    return own if visible.beside is None else [*own, visible.beside]


def _candidates(parts: list[Condition], narrowed: list[Condition], most: int) -> Any:
    """The studies that are seen, each part in its own index; one that is in two parts is there twice."""
    each = [select(select(study.c.id).where(part, *narrowed).limit(most + 1).subquery()) for part in parts]
    return union_all(*each).subquery("candidates")


def _up_to(
    connection: Connection, rows: Select[Any], level: Level, conditions: Conditions, most: int
) -> int | None:
    found = _number(connection, rows.where(*asked_of(level, conditions)).limit(most + 1))
    return found if found is not None and found <= most else None


def _number(connection: Connection, rows: Select[Any]) -> int | None:
    return connection.execute(select(func.count()).select_from(rows.subquery())).scalar()

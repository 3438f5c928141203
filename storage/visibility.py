"""Whose studies a search may find."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_

from storage.tables import study


@dataclass(frozen=True)
class Visible:
    """The studies of `sites`, and those under a condition on `study` beside them.

    The same as a condition; told in parts, each can be gone through in its own index.
    """

    sites: tuple[str, ...]
    beside: ColumnElement[bool] | None = None

    def condition(self) -> ColumnElement[bool]:
        """The parts as one. It is not meant for choosing an index: a condition that is begins elsewhere."""
        own = study.c.site.concat("").in_(self.sites)
        return own if self.beside is None else or_(own, self.beside)

    def parts(self) -> list[ColumnElement[bool]]:
        """The parts, each for an index of its own. A study may be in several."""
        own = [study.c.site == site for site in self.sites]
        return own if self.beside is None else [*own, self.beside]

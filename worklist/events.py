"""What changed, for those who watch: read requests and studies, without a word about the patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from storage.changes import changes_after, last_position
from worklist.tables import request, request_event
from worklist.transitions import State


@dataclass(frozen=True)
class Position:
    """How far a watcher has come in the two feeds; on the wire ``REQUESTS.STUDIES``."""

    requests: int
    studies: int

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """From the wire; None for what is no position."""
        parts = text.split(".")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            return None
        return cls(int(parts[0]), int(parts[1]))

    def __str__(self) -> str:
        return f"{self.requests}.{self.studies}"


@dataclass(frozen=True)
class Happening:
    """One thing to tell: `sites` are the hospitals it concerns."""

    position: Position
    kind: str
    sites: frozenset[str]
    at: datetime
    request_id: int | None = None
    version: int = 0
    state: str = ""
    command: str = ""
    site: str = ""
    study_instance_uid: str = ""
    epoch: int = 0
    instance_count: int = 0


def newest(connection: Connection) -> Position:
    """Where the feeds end now."""
    requests = connection.execute(select(func.max(request_event.c.id))).scalar() or 0
    return Position(requests, last_position(connection))


def after(connection: Connection, position: Position, limit: int = 500) -> list[Happening]:
    """What happened since: each study's newest change once, every request event."""
    told = _request_happenings(connection, position, limit)
    seen = told[-1].position if told else position
    return told + _study_happenings(connection, seen, limit)


def _request_happenings(connection: Connection, position: Position, limit: int) -> list[Happening]:
    sites = [request.c[name] for name in ("owner_site", "reader_site", "read_site", "review_site")]
    query = (
        select(request_event, *sites)
        .join(request, request.c.id == request_event.c.request)
        .where(request_event.c.id > position.requests)
        .order_by(request_event.c.id)
        .limit(limit)
    )
    return [
        Happening(
            Position(row.id, position.studies),
            "request",
            _told(row),
            row.at,
            request_id=row.request,
            version=row.version,
            state=row.to_state,
            command=row.command,
        )
        for row in connection.execute(query)
    ]


def _told(row: Any) -> frozenset[str]:
    """A draft is its owner's alone."""
    if State.DRAFT.value == row.to_state:
        return frozenset({row.owner_site})
    return frozenset((row.owner_site, row.reader_site, row.read_site, row.review_site))


def _study_happenings(connection: Connection, position: Position, limit: int) -> list[Happening]:
    changes = changes_after(connection, position.studies, limit)
    newest_of = {change.study: change for change in changes}
    kept = sorted(newest_of.values(), key=lambda change: change.id)
    readers = _readers_of(connection, {change.study for change in kept})
    return [
        Happening(
            Position(position.requests, change.id),
            "study",
            frozenset({change.site}) | readers.get(change.study, frozenset()),
            change.at,
            site=change.site,
            study_instance_uid=change.study_instance_uid,
            epoch=change.epoch,
            instance_count=change.instance_count,
        )
        for change in kept
    ]


def _readers_of(connection: Connection, studies: set[int]) -> dict[int, frozenset[str]]:
    query = select(request.c.study, request.c.read_site, request.c.review_site)
    submitted = (request.c.study.in_(sorted(studies)), request.c.state != State.DRAFT.value)
    rows = connection.execute(query.where(*submitted))
    found: dict[int, frozenset[str]] = {}
    for row in rows:
        found[row.study] = found.get(row.study, frozenset()) | {row.read_site, row.review_site}
    return found

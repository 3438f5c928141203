"""The text being written: saved often, under the claim's token, never over somebody else's version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage.errors import Conflict, NotFound
from worklist.commands import claim_lost
from worklist.people import Person
from worklist.reports.content import Content, checked_content, empty_content
from worklist.requests import Request, sees_drafts
from worklist.tables import draft, draft_snapshot

KEPT_SNAPSHOTS = 50


@dataclass(frozen=True)
class Draft:
    """A draft as it stands; version 0 is the empty one that nobody saved yet."""

    version: int
    content: Content
    saved_by: int | None
    saved_at: datetime | None


def read_draft(connection: Connection, person: Person, found: Request) -> Draft:
    """For readers of the request's reading hospitals. A requester never sees a draft (I6): `NotFound`."""
    if not sees_drafts(person, found):
        raise NotFound("there is no draft that you may see")
    return current(connection, found.id)


def current(connection: Connection, request_id: int) -> Draft:
    """The draft of a request, or the empty one."""
    row = connection.execute(select(draft).where(draft.c.request == request_id)).one_or_none()
    if row is None:
        return Draft(0, empty_content(), None, None)
    return Draft(row.version, row.content, row.saved_by, row.saved_at)


def save_draft(
    connection: Connection, person: Person, found: Request, token: str, base_version: int, content: Any
) -> Draft:
    """Save over `base_version`. Raises `Conflict`: ``CLAIM_LOST``, or ``VERSION_CONFLICT`` with `current`."""
    if not found.held_by(person) or token != found.claim_token:
        raise claim_lost(found)
    checked = checked_content(content)
    before = current(connection, found.id)
    if before.version != base_version:
        raise Conflict(
            "this draft was saved from another window since",
            code="VERSION_CONFLICT",
            current={"version": before.version, "content": before.content, "saved_by": before.saved_by},
        )
    return _write(connection, person, found, before.version + 1, checked)


def _write(connection: Connection, person: Person, found: Request, version: int, content: Content) -> Draft:
    now = datetime.now(UTC)
    values = {
        "request": found.id,
        "version": version,
        "content": content,
        "saved_by": person.id,
        "saved_at": now,
    }
    if version == 1:
        connection.execute(insert(draft).values(**values))
    else:
        connection.execute(update(draft).where(draft.c.request == found.id).values(**values))
    connection.execute(insert(draft_snapshot).values(**values))
    old = (draft_snapshot.c.request == found.id, draft_snapshot.c.version <= version - KEPT_SNAPSHOTS)
    connection.execute(delete(draft_snapshot).where(*old))
    return Draft(version, content, person.id, now)

"""What happened to a request: its events, its report versions, its deliveries, as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from worklist.listing import PersonRef, person_refs
from worklist.people import Person
from worklist.reports.versions import RELEASED
from worklist.requests import Request, sees_drafts
from worklist.tables import delivery, document, report, report_version, request_event
from worklist.transitions import BETWEEN_READERS


@dataclass(frozen=True)
class Event:
    """One command that was carried out; `actor` None is the service itself."""

    id: int
    at: datetime
    command: str
    from_state: str
    to_state: str
    actor: PersonRef | None
    role: str
    reason_code: str
    reason_text: str


@dataclass(frozen=True)
class VersionLine:
    """A report version without its text."""

    report_id: str
    n: int
    kind: str
    signed_at: datetime
    author: PersonRef
    signer: PersonRef
    content_hash: str
    positivity: str | None


@dataclass(frozen=True)
class DeliveryLine:
    """A document on its way to a node."""

    id: int
    destination: str
    format: str
    state: str
    attempts: int
    next_attempt_at: datetime
    delivered_at: datetime | None
    last_error: str


def events(connection: Connection, person: Person, found_request: Request) -> list[Event]:
    """All events of a request, the first first; what doctors said to each other is for them."""
    query = (
        select(request_event).where(request_event.c.request == found_request.id).order_by(request_event.c.id)
    )
    hears_all = sees_drafts(person, found_request)
    found = connection.execute(query).all()
    actors = person_refs(connection, {row.actor for row in found if row.actor is not None})
    return [
        Event(
            row.id,
            row.at,
            row.command,
            row.from_state,
            row.to_state,
            actors.get(row.actor),
            row.role,
            row.reason_code,
            row.reason_text if hears_all or row.command not in BETWEEN_READERS else "",
        )
        for row in found
    ]


def version_lines(connection: Connection, person: Person, found: Request) -> list[VersionLine]:
    """The report versions that the person may see."""
    query = (
        select(report_version)
        .join(report, report.c.id == report_version.c.report)
        .where(report.c.request == found.id)
        .order_by(report_version.c.n)
    )
    if not sees_drafts(person, found):
        query = query.where(report_version.c.kind.in_(RELEASED))
    rows = connection.execute(query).all()
    people = person_refs(connection, {row.author for row in rows} | {row.signer for row in rows})
    return [
        VersionLine(
            row.report,
            row.n,
            row.kind,
            row.signed_at,
            people[row.author],
            people[row.signer],
            row.content_hash,
            row.content.get("positivity"),
        )
        for row in rows
    ]


def delivery_lines(connection: Connection, request_id: int) -> list[DeliveryLine]:
    """The request's deliveries in the order in which they were made."""
    query = (
        select(delivery, document.c.format)
        .join(document, document.c.id == delivery.c.document)
        .where(delivery.c.request == request_id)
        .order_by(delivery.c.id)
    )
    return [
        DeliveryLine(
            row.id,
            row.ae_title,
            row.format,
            row.state,
            row.attempts,
            row.next_attempt_at,
            row.delivered_at,
            row.last_error,
        )
        for row in connection.execute(query)
    ]

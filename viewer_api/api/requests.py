"""Read requests: the worklist, one request, its draft, and the commands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from storage.errors import Conflict, NotFound
from viewer_api.access import Caller, caller
from viewer_api.api.shapes import delivery_shape, event_shape, person_shape, request_row, version_shape
from viewer_api.key_images import picture_of
from viewer_api.moments import iso
from worklist import history, listing
from worklist.agreements import Priority, Service
from worklist.commands import Order, perform
from worklist.listing import Filters, View
from worklist.opening import open_by_person
from worklist.people import Person
from worklist.reasons import REASONS
from worklist.reports import drafts
from worklist.reports.signing import Signature, sign, submit_report
from worklist.requests import Request, load_visible
from worklist.transitions import RULES, Command, Side

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]
RequestId = Annotated[int, Path(ge=1, le=2**53)]

_COMMANDS = {rule.command.value: rule.command for rule in RULES if rule.side is not Side.SYSTEM}


class NewRequest(BaseModel, extra="forbid"):
    """A request opened by hand."""

    site: str = Field(max_length=16)
    study_instance_uid: str = Field(max_length=64)
    reader_site: str = Field(max_length=16)
    service: Service = Service.READ
    priority: Priority = Priority.ROUTINE
    clinical: dict[str, Any] = Field(default_factory=dict)


class CommandBody(BaseModel, extra="forbid"):
    """What comes along with a command; which fields it needs is in docs/http-api.md."""

    token: str = Field(default="", max_length=64)
    reason_code: str = Field(default="", max_length=16)
    reason_text: str = Field(default="", max_length=2000)
    draft_version: int | None = Field(default=None, ge=0, le=2**31)
    password: str = Field(default="", max_length=1024)


class DraftBody(BaseModel, extra="forbid"):
    """A draft to be saved over `version`."""

    token: str = Field(max_length=64)
    version: int = Field(ge=0, le=2**31)
    content: dict[str, Any]


@router.get("/requests")
def list_requests(
    calling: Calling,
    view: View = View.OPEN,
    site: Annotated[str, Query(max_length=16)] = "",
    modality: Annotated[str, Query(max_length=16)] = "",
    priority: Priority | None = None,
    text: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=listing.MAX_ROWS)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> dict[str, Any]:
    """A page of the worklist and the counts of all its views."""
    filters = Filters(view, site, modality, priority, text)
    with calling.archive.database.read() as connection:
        rows = listing.rows(connection, calling.person, filters, limit, offset)
        return {
            "items": [request_row(row, calling.person) for row in rows],
            "total": listing.total(connection, calling.person, filters),
            "counts": listing.counts(connection, calling.person),
        }


@router.post("/requests", status_code=201)
def create_request(calling: Calling, body: NewRequest) -> dict[str, Any]:
    """Open a request for a study that has none; it begins as a DRAFT."""
    with calling.archive.database.write() as connection:
        opened = open_by_person(
            connection,
            calling.person,
            body.site,
            body.study_instance_uid,
            body.reader_site,
            body.service,
            body.priority,
            body.clinical,
        )
        return request_detail(connection, calling.person, opened)


@router.get("/reasons")
def reasons(_calling: Calling) -> list[dict[str, Any]]:
    """The coded reasons and the commands for which each is offered."""
    return [{**reason.__dict__, "commands": [c.value for c in reason.commands]} for reason in REASONS]


@router.get("/requests/{request_id}")
def read_request(calling: Calling, request_id: RequestId) -> dict[str, Any]:
    """One request with its history."""
    with calling.archive.database.read() as connection:
        found = load_visible(connection, calling.person, request_id)
        return request_detail(connection, calling.person, found)


@router.get("/requests/{request_id}/draft")
def read_draft(calling: Calling, request_id: RequestId) -> dict[str, Any]:
    """The text being written; for readers only."""
    with calling.archive.database.read() as connection:
        found = load_visible(connection, calling.person, request_id)
        draft = drafts.read_draft(connection, calling.person, found)
        return _draft_shape(connection, draft.version, draft.content, draft)


@router.put("/requests/{request_id}/draft")
def save_draft(calling: Calling, request_id: RequestId, body: DraftBody) -> dict[str, Any]:
    """Save the text over the version it was made from."""
    with calling.archive.database.write() as connection:
        found = load_visible(connection, calling.person, request_id, lock=True)
        try:
            saved = drafts.save_draft(
                connection, calling.person, found, body.token, body.version, body.content
            )
        except Conflict as conflict:
            raise _with_names(connection, conflict) from conflict
    return {"version": saved.version, "saved_at": iso(saved.saved_at)}


@router.post("/requests/{request_id}/{command}")
def give_command(
    calling: Calling, request_id: RequestId, command: str, response: Response, body: CommandBody | None = None
) -> dict[str, Any]:
    """Carry out a command of `docs/http-api.md`. 409 tells what is allowed instead."""
    wanted = _COMMANDS.get(command)
    if wanted is None:
        raise NotFound(f"there is no command {command[:40]!a}; there are: {', '.join(_COMMANDS)}")
    body = body or CommandBody()
    order = Order(wanted, body.token, body.reason_code, body.reason_text)
    after = _carry_out(calling, request_id, order, body)
    with calling.archive.database.read() as connection:
        detail = request_detail(connection, calling.person, after)
    response.status_code = 202 if wanted is Command.REQUEST_CANCEL else 200
    return {"request": detail, "claim": _claim(calling.person, after)}


def _carry_out(calling: Caller, request_id: int, order: Order, body: CommandBody) -> Request:
    if order.command is Command.SIGN:
        signature = Signature(order, -1 if body.draft_version is None else body.draft_version, body.password)
        return sign(calling.archive, calling.person, request_id, signature, picture_of(calling.archive))
    if order.command is Command.SUBMIT_REPORT:
        draft_version = -1 if body.draft_version is None else body.draft_version
        return submit_report(calling.archive, calling.person, request_id, order, draft_version)
    with calling.archive.database.write() as connection:
        found = load_visible(connection, calling.person, request_id, lock=True)
        return perform(connection, calling.person, found, order)


def _claim(person: Person, found: Request) -> dict[str, Any] | None:
    """The token goes to its holder only."""
    if not found.held_by(person):
        return None
    return {"token": found.claim_token, "lease_until": iso(found.lease_until)}


def request_detail(connection: Connection, person: Person, found: Request) -> dict[str, Any]:
    """A row with everything that belongs to it."""
    row = listing.row_of(connection, person, found)
    return {
        **request_row(row, person),
        "clinical": found.clinical,
        "events": [event_shape(event) for event in history.events(connection, person, found)],
        "deliveries": [delivery_shape(line) for line in history.delivery_lines(connection, found.id)],
        "report_versions": [version_shape(line) for line in history.version_lines(connection, person, found)],
    }


def _draft_shape(connection: Connection, version: int, content: Any, draft: drafts.Draft) -> dict[str, Any]:
    who = listing.person_refs(connection, {draft.saved_by} - {None}) if draft.saved_by else {}
    return {
        "version": version,
        "content": content,
        "saved_at": iso(draft.saved_at),
        "saved_by": person_shape(who.get(draft.saved_by)),
    }


def _with_names(connection: Connection, conflict: Conflict) -> Conflict:
    """The conflicting version with the name of who saved it."""
    current = conflict.details.get("current")
    if current and current["saved_by"] is not None:
        who = listing.person_refs(connection, {current["saved_by"]})
        current["saved_by"] = person_shape(who.get(current["saved_by"]))
    return conflict

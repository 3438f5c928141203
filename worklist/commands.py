"""Carrying out commands on read requests: each is one conditional write with its event and its audit row."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage import audit
from storage.errors import Conflict, Denied
from storage.locks import Lock, serialize
from worklist import clock
from worklist.agreements import SignPolicy, require_agreement
from worklist.people import Person
from worklist.reasons import check_reason
from worklist.requests import (
    Request,
    allowed_commands,
    cannot_finish,
    load,
    may_give,
    may_sign,
    reviews_own,
)
from worklist.tables import arrival, draft, request, request_event, user
from worklist.transitions import HELD, RULES, Command, Needs, Rule, Side, Stage, State, rules_for

Changes = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """A command with what came along."""

    command: Command
    token: str = ""
    reason_code: str = ""
    reason_text: str = ""


_UNCLAIMED: Changes = {"holder": None, "claim_token": None, "claimed_at": None, "lease_until": None}


def perform(connection: Connection, person: Person, found: Request, order: Order) -> Request:
    """Carry a person's command out, in the caller's transaction.

    `found` was loaded in it with its lock. Raises `Denied` for who may never do this here, `Conflict` for what
    cannot be done now, `Invalid` for a reason that is missing or wrong.
    """
    found = _expire_if_over(connection, found, person)
    rule = require_rule(person, found, order)
    check_reason(rule, order.reason_code, order.reason_text)
    changes = _HANDLERS[order.command](connection, person, found, order)
    return apply(connection, person, found, order, changes)


def perform_as_system(connection: Connection, found: Request, command: Command) -> Request:
    """Carry out a command of the service itself."""
    if not any(rule.side is Side.SYSTEM for rule in rules_for(command, found.state)):
        raise Conflict(f"{command} is not possible in state {found.state}", code="COMMAND_NOT_ALLOWED")
    changes = _SYSTEM_HANDLERS[command](found)
    return apply(connection, None, found, Order(command), changes)


def require_rule(person: Person, found: Request, order: Order) -> Rule:
    """The row of the table that allows this, or the error that tells why there is none."""
    possible = [rule for rule in rules_for(order.command, found.state) if may_give(person, found, rule)]
    if possible:
        _require_token(found, order, possible[0])
        return possible[0]
    if order.token and order.token != found.claim_token and _is_held_command(order.command):
        raise claim_lost(found)
    if not any(_might_give(person, found, rule) for rule in RULES if rule.command is order.command):
        raise Denied(f"{order.command} is not for you on this request")
    if found.state in HELD and _is_held_command(order.command) and found.holder == person.id:
        raise claim_lost(found)
    raise not_allowed(person, found, order.command)


def not_allowed(person: Person, found: Request, command: Command, why: str = "") -> Conflict:
    """The 409 that tells what would be allowed."""
    return Conflict(
        why or f"{command} is not possible now: the request is {found.state}",
        code="COMMAND_NOT_ALLOWED",
        state=found.state.value,
        allowed_commands=[command.value for command in allowed_commands(person, found)],
    )


def claim_lost(found: Request) -> Conflict:
    """The 409 for a token that is dead; what was written stays with the writer."""
    return Conflict(
        "your claim has ended: it expired, was released, or another doctor has it now",
        code="CLAIM_LOST",
        state=found.state.value,
    )


def require_evidence_seen(found: Request) -> None:
    """Nothing is submitted or signed over images that came since and were not looked at (SM-2, late images)."""
    if found.evidence_epoch != found.study_epoch:
        raise Conflict(
            f"{found.study_epoch - found.evidence_epoch} images came since you opened the study: look at them first",
            code="EVIDENCE_CHANGED",
            study_epoch=found.study_epoch,
            evidence_epoch=found.evidence_epoch,
            new_images=found.study_epoch - found.evidence_epoch,
        )


def require_signable(person: Person, found: Request) -> None:
    """All that must hold before a signature, apart from the claim and the text."""
    if not may_sign(person, found):
        raise Denied("you may not sign this report finally", code="MAY_NOT_SIGN")
    if found.cancel_requested:
        why = "the requester asked to cancel: accept or refuse first"
        raise not_allowed(person, found, Command.SIGN, why)
    require_evidence_seen(found)


def apply(
    connection: Connection, person: Person | None, found: Request, order: Order, changes: Changes
) -> Request:
    """The conditional write, the event, and the audit row. Raises `Conflict` if somebody was faster."""
    now = datetime.now(UTC)
    quiet = order.command is Command.HEARTBEAT or (order.command is Command.CLAIM and "state" not in changes)
    values = changes if quiet else {**changes, "version": found.version + 1, "updated_at": now}
    where = (
        request.c.id == found.id,
        request.c.version == found.version,
        request.c.state == found.state.value,
    )
    if connection.execute(update(request).where(*where).values(**values)).rowcount != 1:
        raise Conflict("somebody else changed this request just now: look again", code="VERSION_CONFLICT")
    after = load(connection, found.id)
    if not quiet:
        _write_event(connection, person, found, after, order, now)
    return after


def _write_event(
    connection: Connection,
    person: Person | None,
    before: Request,
    after: Request,
    order: Order,
    now: datetime,
) -> None:
    role = acting_role(person, before)
    serialize(connection, Lock.REQUEST_EVENTS)
    connection.execute(
        insert(request_event).values(
            request=before.id,
            version=after.version,
            at=now,
            command=order.command.value,
            from_state=before.state.value,
            to_state=after.state.value,
            actor=person.id if person else None,
            role=role,
            reason_code=order.reason_code,
            reason_text=order.reason_text,
        )
    )
    audit.append(
        connection,
        audit.Act(
            action=order.command.value,
            object_type="request",
            object_id=str(before.id),
            actor=person.username if person else "system",
            role=role,
            site=before.owner_site,
            address=person.address if person else "",
            detail={
                "from": before.state.value,
                "to": after.state.value,
                "version": after.version,
                "reason_code": order.reason_code,
            },
        ),
    )


def acting_role(person: Person | None, found: Request) -> str:
    """As what a person acts on this request: the roles held at the hospitals that take part."""
    if person is None:
        return "system"
    roles = {m.role.value for m in person.memberships if m.site in found.sites}
    return ",".join(sorted(roles))[:32]


def _might_give(person: Person, found: Request, rule: Rule) -> bool:
    """Whether the person could ever give this command on this request, in some state."""
    if rule.side is Side.OWNER:
        return bool(person.roles_at(found.owner_site) & rule.roles)
    at_readers = person.roles_at(found.read_site) | person.roles_at(found.review_site)
    if rule.side is Side.STAGE:
        return bool(at_readers & rule.roles)
    claimers = frozenset[Any]().union(*(r.roles for r in RULES if r.command is Command.CLAIM))
    return rule.side is Side.HOLDER and bool(at_readers & claimers)


def _is_held_command(command: Command) -> bool:
    return any(rule.side is Side.HOLDER for rule in RULES if rule.command is command)


def _require_token(found: Request, order: Order, rule: Rule) -> None:
    """The claim token is a fencing token: without the living one nothing of the holder's is done."""
    if rule.side is Side.HOLDER and order.token != found.claim_token:
        raise claim_lost(found)


def _expire_if_over(connection: Connection, found: Request, person: Person) -> Request:
    """A lease that has passed ends before anything else is looked at, worker or not."""
    over = found.state in HELD and found.lease_until is not None and found.lease_until <= datetime.now(UTC)
    return perform_as_system(connection, found, Command.CLAIM_EXPIRED) if over else found


# -- what each command changes -------------------------------------------------------------------


def _submit(connection: Connection, _person: Person, found: Request, _order: Order) -> Changes:
    require_agreement(connection, found.owner_site, found.reader_site, found.mode)
    now = datetime.now(UTC)
    if _images_are_stable(connection, found):
        return {
            "state": State.QUEUED.value,
            "submitted_at": now,
            **clock.resume(found.priority, found.time_left_s, now),
        }
    return {"state": State.WAITING_IMAGES.value, "submitted_at": now}


def _images_are_stable(connection: Connection, found: Request) -> bool:
    # locked: if the worker is about to find the study quiet, it must see this request waiting, or we that it is quiet
    query = select(arrival).where(arrival.c.study == found.study).with_for_update()
    row = connection.execute(query).one_or_none()
    return row is not None and row.stable_epoch == found.study_epoch > 0


def _claim(connection: Connection, person: Person, found: Request, _order: Order) -> Changes:
    now = datetime.now(UTC)
    if found.held_by(person, now):
        return {"lease_until": clock.renewed_lease(found.claimed_at or now, now)}
    if found.state in HELD:
        raise _already_claimed(connection, found)
    if reviews_own(person, found):
        raise Denied("the review is for another doctor: you wrote this report", code="REVIEWER_IS_AUTHOR")
    if cannot_finish(person, found):
        raise Denied("one doctor reads and signs here, and you may not sign finally", code="MAY_NOT_SIGN")
    if found.pinned_to_another(person, now):
        raise not_allowed(person, found, Command.CLAIM, "this request is kept for another doctor for now")
    state = State.REVIEWING if found.stage is Stage.REVIEW else State.READING
    return {
        "state": state.value,
        **_claim_of(person, now),
        "evidence_epoch": found.study_epoch,
        "assigned_to": None,
        "assigned_until": None,
    }


def _claim_of(person: Person, now: datetime) -> Changes:
    return {
        "holder": person.id,
        "claim_token": secrets.token_urlsafe(24),
        "claimed_at": now,
        "lease_until": clock.renewed_lease(now, now),
    }


def _already_claimed(connection: Connection, found: Request) -> Conflict:
    holder = connection.execute(select(user.c.name, user.c.name_zh).where(user.c.id == found.holder)).one()
    return Conflict(
        f"{holder.name} has this request",
        code="ALREADY_CLAIMED",
        state=found.state.value,
        holder={
            "user_id": found.holder,
            "name": holder.name,
            "name_zh": holder.name_zh,
            "since": found.claimed_at,
            "lease_until": found.lease_until,
        },
    )


def _heartbeat(_connection: Connection, _person: Person, found: Request, _order: Order) -> Changes:
    now = datetime.now(UTC)
    return {"lease_until": clock.renewed_lease(found.claimed_at or now, now)}


def _release(connection: Connection, _person: Person, found: Request, order: Order) -> Changes:
    has_draft = (
        connection.execute(select(draft.c.version).where(draft.c.request == found.id)).first() is not None
    )
    if has_draft:
        reason_needed = Rule(Command.RELEASE, frozenset(), Side.HOLDER, reason=Needs.REASON)
        check_reason(reason_needed, order.reason_code, order.reason_text)
    return _to_queue(found)


def _to_queue(found: Request) -> Changes:
    state = State.AWAITING_REVIEW if found.stage is Stage.REVIEW else State.QUEUED
    return {"state": state.value, **_UNCLAIMED}


def _takeover(_connection: Connection, person: Person, found: Request, _order: Order) -> Changes:
    if reviews_own(person, found):
        raise Denied("the review is for another doctor: you wrote this report", code="REVIEWER_IS_AUTHOR")
    return {**_claim_of(person, datetime.now(UTC)), "evidence_epoch": found.study_epoch}


def _acknowledge_images(_connection: Connection, _person: Person, found: Request, _order: Order) -> Changes:
    return {"evidence_epoch": found.study_epoch}


def _submit_report(_connection: Connection, person: Person, found: Request, _order: Order) -> Changes:
    if found.sign_policy is not SignPolicy.DOUBLE:
        raise not_allowed(person, found, Command.SUBMIT_REPORT, "one doctor signs here: sign instead")
    require_evidence_seen(found)
    return {"state": State.AWAITING_REVIEW.value, "author": person.id, "rework": False, **_UNCLAIMED}


def _sign(_connection: Connection, person: Person, found: Request, _order: Order) -> Changes:
    require_signable(person, found)
    who = {"reviewer": person.id} if found.stage is Stage.REVIEW else {"author": person.id}
    return {"state": State.REPORTED.value, "rework": False, **who, **_UNCLAIMED}


def _reject(_connection: Connection, _person: Person, found: Request, _order: Order) -> Changes:
    return {
        "state": State.QUEUED.value,
        "rework": True,
        "assigned_to": found.author,
        "assigned_until": datetime.now(UTC) + clock.PINNED[found.priority],
        **_UNCLAIMED,
    }


def _return(_connection: Connection, _person: Person, found: Request, _order: Order) -> Changes:
    paused = clock.pause(found.due_at, datetime.now(UTC))
    cleared = {"rework": False, "cancel_requested": False, "assigned_to": None}
    return {"state": State.RETURNED.value, **cleared, **paused, **_UNCLAIMED}


def _cancel(*_: object) -> Changes:
    return {"state": State.CANCELLED.value, "cancel_requested": False, **_UNCLAIMED}


def _request_cancel(_connection: Connection, person: Person, found: Request, _order: Order) -> Changes:
    if found.cancel_requested:
        raise not_allowed(person, found, Command.REQUEST_CANCEL, "the reader was asked already")
    return {"cancel_requested": True}


def _accept_cancel(_connection: Connection, person: Person, found: Request, order: Order) -> Changes:
    _require_cancel_requested(person, found, order)
    return _cancel()


def _refuse_cancel(_connection: Connection, person: Person, found: Request, order: Order) -> Changes:
    _require_cancel_requested(person, found, order)
    return {"cancel_requested": False}


def _require_cancel_requested(person: Person, found: Request, order: Order) -> None:
    if not found.cancel_requested:
        raise not_allowed(person, found, order.command, "nobody asked to cancel this request")


def _images_ready(found: Request) -> Changes:
    return {
        "state": State.QUEUED.value,
        **clock.resume(found.priority, found.time_left_s, datetime.now(UTC)),
    }


_HANDLERS: dict[Command, Callable[[Connection, Person, Request, Order], Changes]] = {
    Command.SUBMIT: _submit,
    Command.CLAIM: _claim,
    Command.HEARTBEAT: _heartbeat,
    Command.RELEASE: _release,
    Command.TAKEOVER: _takeover,
    Command.ACKNOWLEDGE_IMAGES: _acknowledge_images,
    Command.SUBMIT_REPORT: _submit_report,
    Command.SIGN: _sign,
    Command.REJECT: _reject,
    Command.RETURN: _return,
    Command.CANCEL: _cancel,
    Command.REQUEST_CANCEL: _request_cancel,
    Command.ACCEPT_CANCEL: _accept_cancel,
    Command.REFUSE_CANCEL: _refuse_cancel,
}
_SYSTEM_HANDLERS: dict[Command, Callable[[Request], Changes]] = {
    Command.IMAGES_READY: _images_ready,
    Command.CLAIM_EXPIRED: _to_queue,
}

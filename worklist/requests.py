"""One read request: loading it, who may see it, and what a person may do to it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from storage.errors import NotFound
from storage.tables import study
from worklist.agreements import Priority, Service, SignPolicy
from worklist.people import Person
from worklist.roles import READERS
from worklist.tables import request
from worklist.transitions import HELD, RULES, Command, Rule, Side, Stage, State, stage_of


@dataclass(frozen=True)
class Request:
    """A read request as it stands. `study_epoch` is the study's own; `evidence_epoch` what its reader has seen."""

    id: int
    study: int
    opened_for: str | None
    owner_site: str
    reader_site: str
    read_site: str
    review_site: str
    mode: Service
    kind: str
    state: State
    priority: Priority
    sign_policy: SignPolicy
    rework: bool
    cancel_requested: bool
    author: int | None
    reviewer: int | None
    assigned_to: int | None
    assigned_until: datetime | None
    holder: int | None
    claim_token: str | None
    claimed_at: datetime | None
    lease_until: datetime | None
    evidence_epoch: int
    version: int
    clinical: dict[str, Any]
    submitted_at: datetime | None
    due_at: datetime | None
    time_left_s: int | None
    created_at: datetime
    updated_at: datetime
    study_epoch: int

    @property
    def stage(self) -> Stage:
        """Which half is due."""
        return stage_of(self.state)

    @property
    def stage_site(self) -> str:
        """The hospital whose turn it is."""
        return self.review_site if self.stage is Stage.REVIEW else self.read_site

    @property
    def sites(self) -> frozenset[str]:
        """Every hospital that takes part."""
        return frozenset((self.owner_site, self.reader_site, self.read_site, self.review_site))

    def held_by(self, person: Person, now: datetime | None = None) -> bool:
        """Whether the person's claim is alive."""
        alive = self.lease_until is not None and self.lease_until > (now or datetime.now(UTC))
        return self.state in HELD and self.holder == person.id and alive

    def pinned_to_another(self, person: Person, now: datetime | None = None) -> bool:
        """Whether it is kept for another doctor for a while."""
        pinned = self.assigned_until is not None and self.assigned_until > (now or datetime.now(UTC))
        return pinned and self.assigned_to not in (None, person.id)


def load(connection: Connection, request_id: int, *, lock: bool = False, lock_study: bool = False) -> Request:
    """Raises `NotFound`. With `lock` the request stays as it is until the transaction ends; with `lock_study` so does
    the study with its epoch, for who judges what was seen of it."""
    query = (
        select(request, study.c.epoch.label("study_epoch"))
        .join(study, study.c.id == request.c.study)
        .where(request.c.id == request_id)
    )
    if lock or lock_study:
        query = query.with_for_update(of=(request, study) if lock_study else request, key_share=True)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no request {request_id}")
    return from_row(dict(row))


def from_row(row: dict[str, Any]) -> Request:
    """From a row of `request` with the study's epoch beside it."""
    values = {name: row[name] for name in Request.__dataclass_fields__}
    values["mode"], values["state"] = Service(values["mode"]), State(values["state"])
    values["priority"], values["sign_policy"] = (
        Priority(values["priority"]),
        SignPolicy(values["sign_policy"]),
    )
    return Request(**values)


def load_visible(
    connection: Connection,
    person: Person,
    request_id: int,
    *,
    lock: bool = False,
    lock_study: bool = False,
) -> Request:
    """Raises `NotFound` also for what exists and is none of this person's business."""
    found = load(connection, request_id, lock=lock, lock_study=lock_study)
    mine = found.owner_site in person.sites
    if not mine and (found.state is State.DRAFT or not found.sites & person.sites):
        raise NotFound(f"there is no request {request_id}")
    return found


def visible_to(person: Person) -> ColumnElement[bool]:
    """The same as a condition on `request`: others than the asking hospital see it once it was submitted."""
    mine = sorted(person.sites)
    takes_part = or_(
        request.c.reader_site.in_(mine), request.c.read_site.in_(mine), request.c.review_site.in_(mine)
    )
    return or_(request.c.owner_site.in_(mine), and_(takes_part, request.c.state != State.DRAFT.value))


def sees_drafts(person: Person, found: Request) -> bool:
    """Whether the person reads for this request; all others see released versions only (I6)."""
    return bool(person.sites_as(READERS) & {found.read_site, found.review_site})


_NOT_WITH_READER = (State.DRAFT.value, State.RETURNED.value, State.CANCELLED.value)


def studies_visible_to(person: Person) -> ColumnElement[bool]:
    """A condition on `study`: the person's own hospitals', and those that a hospital of theirs reads or has read.

    What was withdrawn or sent back is the sender's alone again (I9).
    """
    return or_(study.c.site.in_(sorted(person.sites)), studies_read_for(person))


def studies_read_for(person: Person) -> ColumnElement[bool]:
    """The second half of `studies_visible_to`: other hospitals' studies."""
    asked = select(request.c.study).where(visible_to(person), request.c.state.not_in(_NOT_WITH_READER))
    return study.c.id.in_(asked)


def may_give(person: Person, found: Request, rule: Rule) -> bool:
    """Whether the row's side and roles fit the person; the state is not looked at."""
    if rule.side is Side.OWNER:
        return bool(person.roles_at(found.owner_site) & rule.roles)
    if rule.side is Side.STAGE:
        return bool(person.roles_at(found.stage_site) & rule.roles)
    return rule.side is Side.HOLDER and found.held_by(person) and may_hold(person, found)


def may_hold(person: Person, found: Request) -> bool:
    """Whether the person's roles still fit the claim: a role taken away ends what it allowed."""
    roles = person.roles_at(found.stage_site)
    return any(
        rule.command is Command.CLAIM and found.state in rule.states and rule.roles & roles for rule in RULES
    )


def allowed_commands(person: Person, found: Request) -> list[Command]:
    """What this person may do to the request now, in the table's order."""
    rows = (rule for rule in RULES if found.state in rule.states)
    commands = [
        r.command for r in rows if may_give(person, found, r) and _makes_sense(person, found, r.command)
    ]
    return list(dict.fromkeys(commands))


def _makes_sense(person: Person, found: Request, command: Command) -> bool:
    """The preconditions that are known beforehand; `commands` explains each when it is broken."""
    if command is Command.CLAIM:
        return _may_claim(person, found)
    if command is Command.SUBMIT_REPORT:
        return found.sign_policy is SignPolicy.DOUBLE
    if command is Command.SIGN:
        return may_sign(person, found) and not found.cancel_requested
    if command is Command.ACKNOWLEDGE_IMAGES:
        return found.evidence_epoch != found.study_epoch
    if command in (Command.ACCEPT_CANCEL, Command.REFUSE_CANCEL):
        return found.cancel_requested
    if command is Command.REQUEST_CANCEL:
        return not found.cancel_requested
    return True


def _may_claim(person: Person, found: Request) -> bool:
    if found.state in HELD:
        return found.held_by(person)
    return not (found.pinned_to_another(person) or reviews_own(person, found) or cannot_finish(person, found))


def cannot_finish(person: Person, found: Request) -> bool:
    """Where one doctor reads and signs, a claim by one who may not sign would lead nowhere."""
    return found.stage is Stage.READ and found.sign_policy is SignPolicy.SINGLE and not person.may_sign_final


def reviews_own(person: Person, found: Request) -> bool:
    """Under DOUBLE nobody reviews a report of their own (I5)."""
    is_review = found.stage is Stage.REVIEW and found.sign_policy is SignPolicy.DOUBLE
    return is_review and found.author == person.id


def may_sign(person: Person, found: Request) -> bool:
    """Final signature: a licensed doctor, in review, or as the only doctor where the policy is SINGLE."""
    in_place = found.stage is Stage.REVIEW or found.sign_policy is SignPolicy.SINGLE
    return in_place and person.may_sign_final and not reviews_own(person, found)

"""The read request's state machine, as one table: which command, from which states, by whom, with what.

    DRAFT --submit--> WAITING_IMAGES --images_ready--> QUEUED --claim--> READING --submit_report--> AWAITING_REVIEW
    AWAITING_REVIEW --claim--> REVIEWING --sign--> REPORTED            READING --sign (policy SINGLE)--> REPORTED
    READING --release, claim_expired--> QUEUED          REVIEWING --release, claim_expired--> AWAITING_REVIEW
    REVIEWING --reject--> QUEUED (rework, for its author)
    QUEUED, READING, AWAITING_REVIEW, REVIEWING --return--> RETURNED --submit--> WAITING_IMAGES or QUEUED
    DRAFT, WAITING_IMAGES, QUEUED, RETURNED --cancel--> CANCELLED
    READING, AWAITING_REVIEW, REVIEWING --request_cancel--> (flag) --accept_cancel--> CANCELLED

Whatever is not in the table is refused. `requests` carries the commands out; the web application shows what
`allowed_commands` answers, so that a button and its right to work come from the same row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worklist.roles import Role


class State(StrEnum):
    """Where a read request stands."""

    DRAFT = "DRAFT"
    WAITING_IMAGES = "WAITING_IMAGES"
    QUEUED = "QUEUED"
    READING = "READING"
    AWAITING_REVIEW = "AWAITING_REVIEW"
    REVIEWING = "REVIEWING"
    REPORTED = "REPORTED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


HELD = frozenset({State.READING, State.REVIEWING})
OVER = frozenset({State.REPORTED, State.CANCELLED})
OPEN = frozenset(State) - OVER


class Stage(StrEnum):
    """Which half of the reading is due; each half has its own hospital."""

    READ = "READ"
    REVIEW = "REVIEW"


_REVIEW_STATES = frozenset({State.AWAITING_REVIEW, State.REVIEWING, State.REPORTED})


def stage_of(state: State) -> Stage:
    """The half that a state belongs to."""
    return Stage.REVIEW if state in _REVIEW_STATES else Stage.READ


class Command(StrEnum):
    """What can be done to a read request. On the wire in kebab case."""

    SUBMIT = "submit"
    IMAGES_READY = "images-ready"
    CLAIM = "claim"
    HEARTBEAT = "heartbeat"
    RELEASE = "release"
    CLAIM_EXPIRED = "claim-expired"
    TAKEOVER = "takeover"
    ACKNOWLEDGE_IMAGES = "acknowledge-images"
    SUBMIT_REPORT = "submit-report"
    SIGN = "sign"
    REJECT = "reject"
    RETURN = "return"
    CANCEL = "cancel"
    REQUEST_CANCEL = "request-cancel"
    ACCEPT_CANCEL = "accept-cancel"
    REFUSE_CANCEL = "refuse-cancel"


BETWEEN_READERS = frozenset({Command.REJECT, Command.RELEASE, Command.TAKEOVER})
"""Commands whose words are said among the reading doctors; the requester hears that they happened."""


class Side(StrEnum):
    """Whose member may give a command."""

    OWNER = "OWNER"
    """the hospital that asked"""
    STAGE = "STAGE"
    """the hospital of the present stage"""
    HOLDER = "HOLDER"
    """the person who holds the claim, with its token"""
    SYSTEM = "SYSTEM"
    """the service itself"""


class Needs(StrEnum):
    """What a command needs by way of a reason."""

    NOTHING = "NOTHING"
    OPTIONAL = "OPTIONAL"
    REASON = "REASON"
    CODED = "CODED"


@dataclass(frozen=True)
class Rule:
    """One row: `command` is allowed from `states`, to a member of `side` with one of `roles`."""

    command: Command
    states: frozenset[State]
    side: Side
    roles: frozenset[Role] = frozenset()
    reason: Needs = Needs.NOTHING


def _rule(command: Command, states: str, side: Side, roles: str = "", reason: Needs = Needs.NOTHING) -> Rule:
    return Rule(
        command, frozenset(map(State, states.split())), side, frozenset(map(Role, roles.split())), reason
    )


_SENDERS = "technician referring_doctor"
_READERS = "report_doctor review_doctor dispatcher"

RULES: tuple[Rule, ...] = (
    _rule(Command.SUBMIT, "DRAFT RETURNED", Side.OWNER, _SENDERS),
    _rule(Command.IMAGES_READY, "WAITING_IMAGES", Side.SYSTEM),
    _rule(Command.CLAIM, "QUEUED READING", Side.STAGE, _READERS),
    _rule(Command.CLAIM, "AWAITING_REVIEW REVIEWING", Side.STAGE, "review_doctor dispatcher"),
    _rule(Command.HEARTBEAT, "READING REVIEWING", Side.HOLDER),
    _rule(Command.RELEASE, "READING REVIEWING", Side.HOLDER, reason=Needs.OPTIONAL),
    _rule(Command.CLAIM_EXPIRED, "READING REVIEWING", Side.SYSTEM),
    _rule(Command.TAKEOVER, "READING REVIEWING", Side.STAGE, "dispatcher", Needs.REASON),
    _rule(Command.ACKNOWLEDGE_IMAGES, "READING REVIEWING", Side.HOLDER),
    _rule(Command.SUBMIT_REPORT, "READING", Side.HOLDER),
    _rule(Command.SIGN, "READING REVIEWING", Side.HOLDER),
    _rule(Command.REJECT, "REVIEWING", Side.HOLDER, reason=Needs.CODED),
    _rule(Command.RETURN, "READING REVIEWING", Side.HOLDER, reason=Needs.CODED),
    _rule(Command.RETURN, "QUEUED AWAITING_REVIEW", Side.STAGE, "dispatcher", Needs.CODED),
    _rule(
        Command.CANCEL,
        "DRAFT WAITING_IMAGES QUEUED RETURNED",
        Side.OWNER,
        f"{_SENDERS} dispatcher",
        Needs.REASON,
    ),
    _rule(
        Command.REQUEST_CANCEL,
        "READING AWAITING_REVIEW REVIEWING",
        Side.OWNER,
        f"{_SENDERS} dispatcher",
        Needs.REASON,
    ),
    _rule(Command.ACCEPT_CANCEL, "READING REVIEWING", Side.HOLDER, reason=Needs.OPTIONAL),
    _rule(Command.ACCEPT_CANCEL, "QUEUED AWAITING_REVIEW", Side.STAGE, "dispatcher", Needs.OPTIONAL),
    _rule(Command.REFUSE_CANCEL, "READING REVIEWING", Side.HOLDER, reason=Needs.REASON),
    _rule(Command.REFUSE_CANCEL, "QUEUED AWAITING_REVIEW", Side.STAGE, "dispatcher", Needs.REASON),
)


def rules_for(command: Command, state: State) -> list[Rule]:
    """The rows under which `command` is possible in `state`; none means never."""
    return [rule for rule in RULES if rule.command is command and state in rule.states]

"""Every state x every command x every role: what the table allows happens, everything else is refused and told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from reading_world import World

from storage.errors import Conflict, Denied, Error, NotFound
from worklist.reasons import REASONS
from worklist.requests import allowed_commands
from worklist.tables import request_event
from worklist.transitions import HELD, RULES, Command, Needs, Side, State, rules_for

PEOPLE = {
    "technician": "technician",
    "referring_doctor": "referrer",
    "report_doctor": "reader",
    "review_doctor": "reviewer",
    "expert": "expert",
    "dispatcher": "dispatcher",
    "institution_admin": "admin",
    "service": "gateway",
}
SENDERS = {"technician", "referring_doctor"}
READING_ROLES = {"report_doctor", "review_doctor", "expert", "dispatcher"}

# Written down from the domain's table once more and by hand: (command, state) to the roles that may.
# `held` commands are tried by the holder; the roles then say who could be the holder.
EXPECTED: dict[tuple[str, str], set[str]] = {
    ("submit", "DRAFT"): SENDERS,
    ("submit", "RETURNED"): SENDERS,
    ("claim", "QUEUED"): {"report_doctor", "review_doctor", "dispatcher"},
    ("claim", "AWAITING_REVIEW"): {"review_doctor", "dispatcher"},
    ("takeover", "READING"): {"dispatcher"},
    ("takeover", "REVIEWING"): {"dispatcher"},
    ("return", "QUEUED"): {"dispatcher"},
    ("return", "AWAITING_REVIEW"): {"dispatcher"},
    ("cancel", "DRAFT"): SENDERS,
    ("cancel", "WAITING_IMAGES"): SENDERS,
    ("cancel", "QUEUED"): SENDERS,
    ("cancel", "RETURNED"): SENDERS,
    ("request-cancel", "READING"): SENDERS,
    ("request-cancel", "AWAITING_REVIEW"): SENDERS,
    ("request-cancel", "REVIEWING"): SENDERS,
}
HOLDERS_COMMANDS = {
    "READING": {"heartbeat", "release", "submit-report", "return", "claim"},
    "REVIEWING": {"heartbeat", "release", "sign", "reject", "return", "claim"},
}


def _claim_values(world: World, username: str | None) -> dict[str, object]:
    if username is None:
        return {"holder": None, "claim_token": None, "claimed_at": None, "lease_until": None}
    now = datetime.now(UTC)
    return {
        "holder": world.person(username).id,
        "claim_token": "the-token",
        "claimed_at": now,
        "lease_until": now + timedelta(minutes=15),
    }


def _place(world: World, state: State, holder: str | None) -> None:
    author = world.person("second.reader").id if state.value not in ("DRAFT", "WAITING_IMAGES") else None
    world.put(
        state,
        **_claim_values(world, holder if state in HELD else None),
        author=author,
        rework=False,
        cancel_requested=False,
        assigned_to=None,
        assigned_until=None,
    )


def _order(command: Command, token: str) -> dict[str, str]:
    reason = next((r for r in REASONS if command in r.commands), None)
    needed = any(rule.command is command and rule.reason is not Needs.NOTHING for rule in RULES)
    if needed and reason is not None:
        return {"token": token, "reason_code": reason.code, "reason_text": "words"}
    return {"token": token}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("role", list(PEOPLE))
def test_whoever_does_not_hold_it_may_do_what_the_table_says_and_nothing_else(
    asked: World, state: State, role: str
) -> None:
    somebody_else = "second.reader"
    for command in Command:
        _place(asked, state, somebody_else)
        may = role in EXPECTED.get((command.value, state.value), set())
        before = asked.only_request()
        told = command in allowed_commands(asked.person(PEOPLE[role]), before)
        assert told == may, f"{command} in {state} by {role}: allowed_commands says {told}"
        if may:
            after = asked.give(PEOPLE[role], command, **_order(command, ""))
            assert after.version > before.version, f"{command} in {state} by {role} changed nothing"
        else:
            with pytest.raises((Conflict, Denied, NotFound)) as refused:
                asked.give(PEOPLE[role], command, **_order(command, "a-wrong-token"))
            unseen = state is State.DRAFT and role in READING_ROLES
            assert isinstance(refused.value, NotFound) == unseen, "a draft is its hospital's alone"
            if refused.value.code == "COMMAND_NOT_ALLOWED":
                assert refused.value.details["state"] == state.value
                assert command.value not in refused.value.details["allowed_commands"]
            assert asked.only_request().state is state


@pytest.mark.parametrize("state", [State.READING, State.REVIEWING])
@pytest.mark.parametrize("username", ["reader", "reviewer"])
def test_the_holder_may_do_what_belongs_to_the_claim(asked: World, state: State, username: str) -> None:
    for command in Command:
        _place(asked, state, username)
        # a report doctor who holds a review, as after losing the role of a reviewer, may do nothing with it
        fits = username == "reviewer" or state is State.READING
        may = fits and command.value in HOLDERS_COMMANDS[state.value]
        told = command in allowed_commands(asked.person(username), asked.only_request())
        assert told == may, f"{command} in {state}"
        if may:
            asked.give(username, command, **_order(command, "the-token"))


@pytest.mark.parametrize("state", [State.READING, State.REVIEWING])
def test_without_the_living_token_nothing_of_the_holders_is_done(asked: World, state: State) -> None:
    held = {rule.command for rule in RULES if rule.side is Side.HOLDER and state in rule.states}
    for command in held:
        _place(asked, state, "reviewer")
        with pytest.raises(Conflict) as refused:
            asked.give("reviewer", command, **_order(command, "an-old-token"))
        assert refused.value.code == "CLAIM_LOST", command


def test_every_command_of_the_table_is_carried_out_somewhere() -> None:
    for command in Command:
        assert any(rules_for(command, state) for state in State), f"{command} is possible in no state"


def test_every_change_writes_actor_time_and_audit(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    with asked.archive.database.read() as connection:
        events = connection.execute(request_event.select().order_by(request_event.c.id)).all()
    assert [event.command for event in events] == ["submit", "claim"]
    assert events[1].actor == asked.person("reader").id
    assert events[1].role == "report_doctor"
    assert events[1].at is not None


def test_a_person_of_another_hospital_does_not_learn_that_it_exists(asked: World) -> None:
    with pytest.raises(Error) as refused:
        asked.give("aksu", Command.CLAIM)
    assert refused.value.code == "NOT_FOUND"

"""Claims: one at a time, for as long as the doctor is there, and never over images nobody looked at."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from reading_world import CONTENT, World
from sqlalchemy import select

from storage import audit
from storage.errors import Conflict, Denied, Invalid
from storage.ingest import Sender, ingest_file
from storage.tables import study
from worklist import arrivals
from worklist.commands import Order
from worklist.people import Membership, check_password, set_memberships
from worklist.reports import drafts
from worklist.reports.drafts import read_draft, save_draft
from worklist.reports.signing import Signature, sign, submit_report
from worklist.reports.versions import verify
from worklist.requests import allowed_commands, studies_visible_to
from worklist.roles import Role
from worklist.tables import report, report_version
from worklist.transitions import Command, State


def _save(
    world: World, username: str, content: dict[str, object] | None = None, version: int | None = None
) -> int:
    who, found = world.person(username), world.only_request()
    with world.archive.database.write() as connection:
        base = drafts.current(connection, found.id).version if version is None else version
        return save_draft(connection, who, found, found.claim_token or "", base, content or CONTENT).version


def _late_image(world: World, tmp_path: Path) -> None:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(tmp_path / "late.dcm")
    ingest_file(world.archive, (tmp_path / "late.dcm").read_bytes(), Sender("KASHI", "TEST"))


def _submit(world: World, username: str, draft_version: int) -> None:
    found = world.only_request()
    order = Order(Command.SUBMIT_REPORT, found.claim_token or "")
    submit_report(world.archive, world.person(username), found.id, order, draft_version)


def _sign(world: World, username: str, draft_version: int, password: str = "a-password-for-tests") -> None:
    found = world.only_request()
    signature = Signature(Order(Command.SIGN, found.claim_token or ""), draft_version, password)
    sign(world.archive, world.person(username), found.id, signature, lambda *_: None)


def test_fifty_doctors_at_once_and_one_has_it(asked: World) -> None:
    outcomes: list[str] = []
    usernames = ["reader", "second.reader", "reviewer", "dispatcher"]

    def try_to_claim(number: int) -> None:
        try:
            asked.give(usernames[number % 4], Command.CLAIM)
            outcomes.append("won")
        except Conflict as why:
            outcomes.append(why.code)

    threads = [threading.Thread(target=try_to_claim, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holder = asked.only_request().holder
    # the winner's own later tries renew the winner's claim; all others are turned away
    winners = [n for n in range(4) if asked.person(usernames[n]).id == holder]
    mine = sum(1 for n in range(50) if n % 4 == winners[0])
    assert outcomes.count("won") == mine
    assert outcomes.count("ALREADY_CLAIMED") == 50 - mine
    assert asked.only_request().version == 2


def test_the_loser_learns_who_has_it(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    with pytest.raises(Conflict) as refused:
        asked.give("second.reader", Command.CLAIM)
    assert refused.value.code == "ALREADY_CLAIMED"
    assert refused.value.details["holder"]["name"] == "Li Na"


def test_a_lease_that_passed_gives_the_request_back_and_keeps_the_draft(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    assert _save(asked, "reader") == 1
    asked.put(State.READING, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert arrivals.expire_claims(asked.archive.database) == 1
    after = asked.only_request()
    assert (after.state, after.holder, after.claim_token) == (State.QUEUED, None, None)
    again = asked.give("second.reader", Command.CLAIM)
    with asked.archive.database.read() as connection:
        assert (
            read_draft(connection, asked.person("second.reader"), again).content["findings"]
            == CONTENT["findings"]
        )


def test_an_expired_token_is_dead_before_anybody_swept(asked: World) -> None:
    token = asked.give("reader", Command.CLAIM).claim_token or ""
    asked.put(State.READING, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(Conflict) as refused:
        asked.give("reader", Command.HEARTBEAT, token=token)
    assert refused.value.code == "CLAIM_LOST"


def test_a_heartbeat_renews_the_lease_and_is_no_event(asked: World) -> None:
    claimed = asked.give("reader", Command.CLAIM)
    asked.put(State.READING, lease_until=datetime.now(UTC) + timedelta(seconds=5))
    after = asked.give("reader", Command.HEARTBEAT, token=claimed.claim_token or "")
    assert after.lease_until is not None
    assert after.lease_until > datetime.now(UTC) + timedelta(minutes=14)
    assert after.version == claimed.version


def test_no_claim_outlives_four_hours(asked: World) -> None:
    claimed = asked.give("reader", Command.CLAIM)
    long_ago = datetime.now(UTC) - timedelta(hours=3, minutes=58)
    asked.put(State.READING, claimed_at=long_ago)
    after = asked.give("reader", Command.HEARTBEAT, token=claimed.claim_token or "")
    assert after.lease_until == long_ago + timedelta(hours=4)


def test_an_old_draft_version_is_not_saved_over_a_new_one(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    _save(asked, "reader")
    _save(asked, "reader", {**CONTENT, "findings": "second"})
    with pytest.raises(Conflict) as refused:
        _save(asked, "reader", {**CONTENT, "findings": "stale"}, version=1)
    assert refused.value.code == "VERSION_CONFLICT"
    assert refused.value.details["current"]["content"]["findings"] == "second"


def test_a_requester_never_sees_a_draft(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    _save(asked, "reader")
    with asked.archive.database.read() as connection, pytest.raises(Exception, match="no draft") as refused:
        read_draft(connection, asked.person("referrer"), asked.only_request())
    assert refused.value.code == "NOT_FOUND"  # type: ignore[attr-defined]


def test_nothing_is_submitted_or_signed_over_unseen_images(asked: World, tmp_path: Path) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader")
    _late_image(asked, tmp_path)
    with pytest.raises(Conflict) as refused:
        _submit(asked, "reader", version)
    assert refused.value.code == "EVIDENCE_CHANGED"
    assert refused.value.details["new_images"] == 1
    asked.give("reader", Command.ACKNOWLEDGE_IMAGES, token=asked.only_request().claim_token or "")
    _submit(asked, "reader", version)
    assert asked.only_request().state is State.AWAITING_REVIEW


def test_an_incomplete_report_is_not_submitted(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader", {"findings": "something"})
    with pytest.raises(Invalid) as refused:
        _submit(asked, "reader", version)
    assert refused.value.details["missing"] == ["impression", "positivity"]


def test_who_wrote_it_does_not_review_it(asked: World) -> None:
    asked.give("reviewer", Command.CLAIM)
    _submit(asked, "reviewer", _save(asked, "reviewer"))
    with pytest.raises(Denied) as refused:
        asked.give("reviewer", Command.CLAIM)
    assert refused.value.code == "REVIEWER_IS_AUTHOR"


def test_signing_needs_the_password_and_makes_a_chain(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader")
    _submit(asked, "reader", version)
    asked.give("reviewer", Command.CLAIM)
    with pytest.raises(Denied) as refused:
        _sign(asked, "reviewer", version, "not the password")
    assert refused.value.code == "WRONG_PASSWORD"
    assert asked.only_request().state is State.REVIEWING
    _sign(asked, "reviewer", version)
    assert asked.only_request().state is State.REPORTED
    with asked.archive.database.read() as connection:
        report_id = connection.execute(report.select()).one().id
        kinds = [row.kind for row in connection.execute(report_version.select().order_by(report_version.c.n))]
        findings = verify(connection, report_id)
    assert kinds == ["SUBMITTED", "FINAL"]
    assert all(finding.intact for finding in findings)


@pytest.mark.parametrize(
    "change",
    [
        {"content": {**CONTENT, "impression": "something else"}},
        {"signer": 1},
        {"prev_hash": "0" * 64},
        {"evidence": {"epoch": 9, "instances": {}, "request": 1}},
        {"licence_no": "forged"},
    ],
)
def test_a_changed_version_is_named(asked: World, change: dict[str, object]) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader")
    _submit(asked, "reader", version)
    asked.give("reviewer", Command.CLAIM)
    _sign(asked, "reviewer", version)
    with asked.archive.database.write() as connection:
        connection.execute(report_version.update().where(report_version.c.n == 2).values(**change))
    with asked.archive.database.read() as connection:
        findings = verify(connection, connection.execute(report.select()).one().id)
    assert [finding.n for finding in findings if not finding.intact] == [2]


def test_the_audit_record_is_chained(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    with asked.archive.database.read() as connection:
        assert list(audit.broken_rows(connection)) == []
    with asked.archive.database.write() as connection:
        connection.exec_driver_sql("update audit set actor = 'somebody else' where id = 2")
    with asked.archive.database.read() as connection:
        assert list(audit.broken_rows(connection)) == [2]


def test_rejected_work_is_kept_for_its_author_for_a_while(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    _submit(asked, "reader", _save(asked, "reader"))
    token = asked.give("reviewer", Command.CLAIM).claim_token or ""
    asked.give(
        "reviewer", Command.REJECT, token=token, reason_code="CONTENT", reason_text="the size is missing"
    )
    after = asked.only_request()
    assert (after.state, after.rework, after.assigned_to) == (State.QUEUED, True, asked.person("reader").id)
    with pytest.raises(Conflict):
        asked.give("second.reader", Command.CLAIM)
    asked.put(State.QUEUED, assigned_until=datetime.now(UTC) - timedelta(seconds=1))
    assert asked.give("second.reader", Command.CLAIM).state is State.READING


def test_a_returned_request_stops_the_clock(asked: World) -> None:
    claimed = asked.give("reader", Command.CLAIM)
    back = asked.give("reader", Command.RETURN, token=claimed.claim_token or "", reason_code="110523")
    assert (back.state, back.due_at) == (State.RETURNED, None)
    assert back.time_left_s is not None
    again = asked.give("technician", Command.SUBMIT)
    assert again.state is State.QUEUED
    assert again.due_at is not None
    assert again.due_at <= datetime.now(UTC) + timedelta(seconds=back.time_left_s + 1)


def test_a_held_request_is_cancelled_with_its_holders_consent(asked: World) -> None:
    token = asked.give("reader", Command.CLAIM).claim_token or ""
    asked.give("referrer", Command.REQUEST_CANCEL, reason_code="110500")
    assert asked.only_request().cancel_requested
    asked.give("reader", Command.REFUSE_CANCEL, token=token, reason_code="110513", reason_text="nearly done")
    assert not asked.only_request().cancel_requested
    asked.give("referrer", Command.REQUEST_CANCEL, reason_code="110500")
    assert asked.give("reader", Command.ACCEPT_CANCEL, token=token).state is State.CANCELLED


def test_a_dispatcher_takes_over_and_the_old_token_is_dead(asked: World) -> None:
    old = asked.give("reader", Command.CLAIM).claim_token or ""
    taken = asked.give("dispatcher", Command.TAKEOVER, reason_code="110526")
    assert taken.holder == asked.person("dispatcher").id
    with pytest.raises(Conflict) as refused:
        asked.give("reader", Command.RELEASE, token=old)
    assert refused.value.code == "CLAIM_LOST"


def test_a_role_that_was_taken_away_no_longer_signs(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader")
    _submit(asked, "reader", version)
    token = asked.give("reviewer", Command.CLAIM).claim_token or ""
    with asked.archive.database.write() as connection:
        set_memberships(connection, asked.person("reviewer").id, {Membership("SRRSH", Role.EXPERT)})
    assert Command.SIGN not in allowed_commands(asked.person("reviewer"), asked.only_request())
    with pytest.raises((Denied, Conflict)):
        _sign(asked, "reviewer", version)
    with pytest.raises((Denied, Conflict)):
        asked.give("reviewer", Command.HEARTBEAT, token=token)
    assert asked.only_request().state is State.REVIEWING


def test_where_one_doctor_signs_who_may_not_sign_does_not_claim(world: World) -> None:
    world.receive("AKSU")
    world.settle()
    assert Command.CLAIM not in allowed_commands(world.person("second.reader"), world.only_request())
    with pytest.raises(Denied) as refused:
        world.give("second.reader", Command.CLAIM)
    assert refused.value.code == "MAY_NOT_SIGN"
    assert world.give("reader", Command.CLAIM).state is State.READING


def test_a_stranger_cannot_stop_a_signature_by_guessing(asked: World) -> None:
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader")
    _submit(asked, "reader", version)
    asked.give("reviewer", Command.CLAIM)
    for _ in range(6):
        with suppress(Denied):
            check_password(asked.archive.database, "reviewer", "a guess", "sign-in from elsewhere")
    _sign(asked, "reviewer", version)
    assert asked.only_request().state is State.REPORTED


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"sop_instance_uid": "1.2.3"}, "none of this study"),
        ({"series_instance_uid": "1.2.3"}, "none of this study"),
        ({"frame_number": 2}, "has 1 frames"),
    ],
)
def test_a_key_image_is_a_frame_of_this_study(asked: World, image: dict[str, object], says: str) -> None:
    header = dcmread(str(get_testdata_file("CT_small.dcm")), stop_before_pixels=True)
    own = {"series_instance_uid": header.SeriesInstanceUID, "sop_instance_uid": header.SOPInstanceUID}
    asked.give("reader", Command.CLAIM)
    version = _save(asked, "reader", {**CONTENT, "key_images": [{**own, **image}]})
    with pytest.raises(Invalid, match=says):
        _submit(asked, "reader", version)
    version = _save(asked, "reader", {**CONTENT, "key_images": [own]})
    _submit(asked, "reader", version)


def test_images_that_were_sent_back_are_the_senders_alone_again(asked: World) -> None:
    def sees(username: str) -> bool:
        query = select(study.c.id).where(studies_visible_to(asked.person(username)))
        with asked.archive.database.read() as connection:
            return bool(connection.execute(query).all())

    assert sees("reader")
    token = asked.give("reader", Command.CLAIM).claim_token or ""
    asked.give("reader", Command.RETURN, token=token, reason_code="110514")
    assert not sees("reader")
    assert sees("technician")


def test_a_returned_request_forgets_that_it_was_to_be_cancelled(asked: World) -> None:
    token = asked.give("reader", Command.CLAIM).claim_token or ""
    asked.give("referrer", Command.REQUEST_CANCEL, reason_code="110500")
    asked.give("reader", Command.RETURN, token=token, reason_code="110523")
    assert not asked.give("referrer", Command.SUBMIT).cancel_requested


def _signed(world: World) -> str:
    world.give("reader", Command.CLAIM)
    version = _save(world, "reader")
    _submit(world, "reader", version)
    world.give("reviewer", Command.CLAIM)
    _sign(world, "reviewer", version)
    with world.archive.database.read() as connection:
        return str(connection.execute(report.select()).one().id)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("delete from report_version where kind = 'FINAL'", "the signed version is missing"),
        ("update document set sha256 = 'x' where format = 'pdf'", "its pdf is not the one"),
        ("update document set sop_instance_uid = '1.2' where format = 'sr'", "its sr is not the one"),
        ("update report_version set evidence = '{}' where kind = 'FINAL'", "the evidence was changed"),
    ],
)
def test_what_was_done_to_a_signed_report_is_named(asked: World, statement: str, problem: str) -> None:
    report_id = _signed(asked)
    with asked.archive.database.write() as connection:
        if statement.startswith("delete"):
            connection.exec_driver_sql("delete from delivery")
            connection.exec_driver_sql("delete from document")
        connection.exec_driver_sql(statement)
    with asked.archive.database.read() as connection:
        problems = [finding.problem for finding in verify(connection, report_id) if not finding.intact]
    assert len(problems) == 1
    assert problem in problems[0]

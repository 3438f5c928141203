"""Who opened images stands in the audit record, once an hour, and pictures wait for nothing."""

from __future__ import annotations

import time

import pytest
from running import PASSWORD
from served import Stored, made_slice
from sqlalchemy import select
from structlog.testing import capture_logs

from storage.audit import broken_rows
from storage.ingest import Sender, ingest_file
from storage.retrieve import first_instance
from storage.tables import audit, study
from viewer_api.access import Caller
from viewer_api.dicomweb.viewing import EXPORT, NOTED_FOR_S, VIEW, Viewings, viewings
from worklist.people import Membership, Person, add_person, set_memberships, set_password
from worklist.roles import Role

VIEWS = (
    *("{study}/metadata", "{series}/metadata", "{url}/metadata", "{url}/frames/1", "{url}/bulkdata/7FE00010"),
    *("{url}/rendered", "{url}/frames/1/rendered", "{series}/rendered", "{study}/rendered"),
)
EXPORTS = ("{study}", "{series}", "{url}")
NEITHER = (
    *("{study}/thumbnail", "{series}/thumbnail", "{url}/thumbnail", "{url}/frames/1/thumbnail"),
    *("{study}/series", "{study}/instances", "{series}/instances", "{study}/series/2.25.9/metadata"),
)


def rows(archive, actor, uid=None) -> list:
    viewings.settle()
    with archive.database.read() as connection:
        query = select(audit).where(audit.c.actor == actor, audit.c.object_type == "study")
        found = connection.execute(query.order_by(audit.c.id)).all()
        assert not list(broken_rows(connection))
    return [row for row in found if uid is None or row.object_id == uid]


@pytest.fixture
def newcomer(served):
    """Somebody of Kashi who has opened nothing yet."""
    name = f"newcomer {time.monotonic_ns()}"
    with served.archive.database.write() as connection:
        user_id = add_person(connection, name, "Newcomer", "新")
        roles = {Membership("KASHI", Role.TECHNICIAN), Membership("KASHI", Role.REFERRING_DOCTOR)}
        set_memberships(connection, user_id, roles)
        set_password(connection, user_id, PASSWORD)
    with served.client(name) as client:
        yield name, client


def path(pattern: str, stored: Stored) -> str:
    return pattern.format(study=stored.study, series=stored.series, url=stored.url)


@pytest.mark.parametrize(
    ("pattern", "action"), [*((each, VIEW) for each in VIEWS), *((each, EXPORT) for each in EXPORTS)]
)
def test_opening_a_study_is_recorded_once(served, newcomer, pattern, action):
    name, client = newcomer
    stored = served["CT_small.dcm"]
    for _ in range(3):
        assert client.get(path(pattern, stored)).status_code == 200
    (row,) = rows(served.archive, name)
    assert (row.action, row.object_id, row.site) == (action, stored.uids[0], "KASHI")
    assert (row.role, row.address, row.outcome) == ("referring_doctor,technician", "127.0.0.1", "SUCCESS")


def test_each_study_and_each_act_has_its_row(served, newcomer):
    name, client = newcomer
    for file_name in ("CT_small.dcm", "liver.dcm"):
        for pattern in (*VIEWS, *EXPORTS):
            client.get(path(pattern, served[file_name]))
    uids = [served[file_name].uids[0] for file_name in ("CT_small.dcm", "liver.dcm")]
    told = [(row.object_id, row.action) for row in rows(served.archive, name)]
    assert told == [(uid, action) for uid in uids for action in (VIEW, EXPORT)]


def test_searching_thumbnails_and_what_is_not_there_are_no_views(served, newcomer):
    name, client = newcomer
    for pattern in NEITHER:
        client.get(path(pattern, served["CT_small.dcm"]))
    client.get(path("{study}/metadata", served["693_J2KI.dcm"]))
    assert rows(served.archive, name) == []


@pytest.fixture
def opened(archive):
    """A caller and an instance, as handlers have them."""
    ingest_file(archive, made_slice(1), Sender("KASHI", "TEST"))
    with archive.database.read() as connection:
        found = first_instance(connection, study.c.site == "KASHI")
    roles = tuple(Membership("KASHI", role) for role in Role)
    person = Person(7, "somebody", "Some Body", "某", "", False, roles, "x" * 80)
    return Caller(person, archive), found


def test_after_an_hour_it_is_recorded_again(archive, opened):
    seconds = [0.0]
    noted = Viewings(lambda: seconds[0])
    for seconds[0] in (0.0, NOTED_FOR_S - 1, NOTED_FOR_S, NOTED_FOR_S * 2 - 1):
        noted.note(*opened, VIEW)
    noted.settle()
    assert len(rows(archive, "somebody")) == 2


def test_what_is_remembered_is_bounded(archive, opened):
    noted = Viewings(max_noted=1)
    for action in (VIEW, EXPORT, VIEW):
        noted.note(*opened, action)
    noted.settle()
    assert len(rows(archive, "somebody")) == 3


def test_a_record_that_is_away_delays_nobody_and_is_told_of(archive, opened):
    noted = Viewings()
    with archive.database.write() as connection:
        connection.exec_driver_sql("alter table audit rename to gone")
    with capture_logs() as logs:
        noted.note(*opened, VIEW)
        noted.settle()
    (told,) = logs
    assert (told["event"], told["log_level"]) == ("viewing_not_recorded", "warning")
    assert (told["actor"], told["action"], told["object_id"]) == ("somebody", VIEW, "2.25.50")
    assert "Slices" not in str(told)
    with archive.database.write() as connection:
        connection.exec_driver_sql("alter table gone rename to audit")
    noted.note(*opened, VIEW)
    noted.settle()
    assert [row.object_id for row in rows(archive, "somebody")] == ["2.25.50"]


def test_noting_does_not_wait_for_another_writer(archive, opened):
    noted = Viewings(max_waiting=1)
    with archive.database.write(), capture_logs() as logs:
        before = time.monotonic()
        noted.note(*opened, VIEW)
        noted.note(*opened, EXPORT)
        assert time.monotonic() - before < 1
    noted.settle()
    assert [row.action for row in rows(archive, "somebody")] == [VIEW]
    assert [told["action"] for told in logs] == [EXPORT]

"""What is remembered of callers and places ends with whatever is committed, by us or by another process."""

from __future__ import annotations

import time

import pytest
from running import PASSWORD
from sqlalchemy import event, update

from storage.database import Database
from storage.tables import instance
from worklist.people import Membership, add_person, disable, find_id, set_memberships, set_password
from worklist.roles import Role


@pytest.fixture
def elsewhere(served):
    """The same database as another process has it."""
    database = Database(served.archive.database.url)
    yield database
    database.close()


@pytest.fixture
def newcomer(served, elsewhere):
    """Somebody of Kashi, signed in."""
    name = f"remembered {time.monotonic_ns()}"
    with elsewhere.write() as connection:
        user_id = add_person(connection, name, "Newcomer", "新")
        set_memberships(connection, user_id, {Membership("KASHI", Role.TECHNICIAN)})
        set_password(connection, user_id, PASSWORD)
    with served.client(name) as client:
        yield name, client


def frame(served) -> str:
    return f"{served['CT_small.dcm'].url}/frames/1"


def test_asking_again_asks_the_database_nothing(served, newcomer):
    _, client = newcomer
    asked: list[str] = []
    for _ in range(2):
        assert (
            client.get(frame(served)).status_code == 200
        )  # the second time, as the viewing was noted meanwhile
        time.sleep(0.3)
    engine = served.archive.database.engine
    listener = lambda *given: asked.append(given[2])  # noqa: E731 - SQLAlchemy wants the same object twice
    event.listen(engine, "before_cursor_execute", listener)
    try:
        statuses = [client.get(frame(served)).status_code for _ in range(5)]
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    assert statuses == [200] * 5
    assert [one for one in asked if "sop_instance_uid" in one or "token_hash" in one] == []


def test_a_role_taken_away_counts_at_once(served, elsewhere, newcomer):
    name, client = newcomer
    assert client.get(frame(served)).status_code == 200
    with elsewhere.write() as connection:
        set_memberships(connection, find_id(connection, name), {Membership("AKSU", Role.TECHNICIAN)})
    assert client.get(frame(served)).status_code == 404
    with elsewhere.write() as connection:
        set_memberships(connection, find_id(connection, name), {Membership("KASHI", Role.TECHNICIAN)})
    assert client.get(frame(served)).status_code == 200


def test_a_closed_account_and_an_ended_session_count_at_once(served, elsewhere, newcomer):
    name, client = newcomer
    with served.client(name) as other:
        assert other.get(frame(served)).status_code == 200
        assert other.delete(f"{served.url}/api/session").status_code < 300
        assert other.get(frame(served)).status_code == 401
    assert client.get(frame(served)).status_code == 200
    with elsewhere.write() as connection:
        disable(connection, name)
    assert client.get(frame(served)).status_code == 401


def test_an_instance_that_is_gone_is_gone_at_once(served, elsewhere, newcomer):
    _, client = newcomer
    stored = served["slice 5"]
    where = instance.c.sop_instance_uid == stored.uids[2]
    assert client.get(f"{stored.url}/frames/1").status_code == 200
    with elsewhere.write() as connection:
        connection.execute(update(instance).where(where).values(sop_instance_uid="2.25.50.1.5.9"))
    assert client.get(f"{stored.url}/frames/1").status_code == 404
    moved = instance.c.sop_instance_uid == "2.25.50.1.5.9"
    with elsewhere.write() as connection:
        connection.execute(update(instance).where(moved).values(sop_instance_uid=stored.uids[2]))
    assert client.get(f"{stored.url}/frames/1").status_code == 200

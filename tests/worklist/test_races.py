"""What happens at once: as if it had happened one after the other, on a database that lets many write."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from reading_world import CONTENT, World
from sqlalchemy import event, func, select

from storage import audit
from storage.archive import Archive
from storage.changes import changes_after, last_position, read_cursor
from storage.database import Database
from storage.errors import Conflict, NotFound
from storage.ingest import Sender, ingest_file
from storage.tables import study
from worklist import arrivals, events
from worklist.agreements import Priority, Service
from worklist.commands import Order, perform
from worklist.delivery import Delivery, take_due
from worklist.events import Position
from worklist.opening import open_by_person
from worklist.people import accept_invitation, add_person, find_id, invite
from worklist.reports import drafts
from worklist.reports.drafts import save_draft
from worklist.reports.signing import Signature, sign, submit_report
from worklist.requests import load
from worklist.tables import request
from worklist.transitions import Command, State

A_WHILE_S = 0.4
"""Long enough for whoever does not wait to be done."""


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


@pytest.fixture
def another_process(world: World) -> Iterator[Callable[[], Database]]:
    """The same database as another process has it open."""
    opened: list[Database] = []

    def open_again() -> Database:
        opened.append(Database(world.archive.database.url))
        return opened[-1]

    yield open_again
    for one in opened:
        one.close()


def study_file(**values: object) -> bytes:
    """A study of one image; `values` are attributes."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def as_opened(world: World, database: Database) -> Archive:
    """The archive as another process has it."""
    return Archive(database, world.archive.blobs, world.archive.incoming)


def receive_another(world: World, site: str = "KASHI") -> None:
    data = study_file(StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid())
    ingest_file(world.archive, data, Sender(site, "TEST"))


def outcomes(futures: list[Future[Any]]) -> list[str]:
    """What each came to: ``done``, or the code of the conflict."""
    return sorted("done" if future.exception() is None else _code(future) for future in futures)


def _code(future: Future[Any]) -> str:
    why = future.exception()
    assert isinstance(why, (Conflict, NotFound)), why
    return why.code


@contextmanager
def during(database: Database, statement: str, act: Callable[[], object]) -> Iterator[list[bool]]:
    """While this thread executes `statement`, another one acts; tells whether it was done before this one went on."""
    finished: list[bool] = []
    threads: list[threading.Thread] = []
    here = threading.get_ident()

    def begin(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith(statement) and not threads and threading.get_ident() == here:
            threads.append(threading.Thread(target=act))
            threads[0].start()
            threads[0].join(A_WHILE_S)
            finished.append(not threads[0].is_alive())

    event.listen(database.engine, "before_cursor_execute", begin)
    try:
        yield finished
    finally:
        event.remove(database.engine, "before_cursor_execute", begin)
        for thread in threads:
            thread.join(30)


# -- feeds ---------------------------------------------------------------------------------------


def test_whoever_follows_the_events_misses_none(world: World, pool: ThreadPoolExecutor) -> None:
    world.receive("KASHI")
    world.receive("AKSU")
    world.settle()
    database, reader = world.archive.database, world.person("reader")
    with database.read() as connection:
        slow, quick = connection.execute(select(request.c.id).order_by(request.c.id)).scalars()
        begin = events.newest(connection)

    def claim(request_id: int) -> None:
        with database.write() as connection:
            perform(connection, reader, load(connection, request_id, lock=True), Order(Command.CLAIM))

    with database.write() as connection:
        perform(connection, reader, load(connection, slow, lock=True), Order(Command.CLAIM))
        second = pool.submit(claim, quick)
        threading.Event().wait(A_WHILE_S)
        with database.read() as following:
            first_look = events.after(following, begin)
    second.result(30)
    seen = {happening.request_id for happening in first_look}
    position = first_look[-1].position if first_look else begin
    with database.read() as connection:
        seen |= {happening.request_id for happening in events.after(connection, position)}
    assert seen == {slow, quick}


def test_whoever_follows_the_changes_misses_none(
    world: World, another_process: Callable[[], Database], pool: ThreadPoolExecutor
) -> None:
    """Several receivers at once, and a follower that looks all the time."""
    database = world.archive.database
    receivers = [dataclasses.replace(world, archive=as_opened(world, another_process())) for _ in range(4)]
    for receiver in receivers:  # commits take their time, each another one
        event.listen(
            receiver.archive.database.engine, "commit", lambda _: time.sleep(random.uniform(0, 0.03))
        )
    over = threading.Event()

    def follow() -> set[str]:
        seen: set[str] = set()
        position = 0
        last_look = False
        while not last_look:
            last_look = over.is_set()
            with database.read() as connection:
                for change in changes_after(connection, position):
                    position = change.id
                    seen.add(change.study_instance_uid)
        return seen

    following = pool.submit(follow)
    sending = [pool.submit(receive_another, receivers[n % 4]) for n in range(24)]
    wait(sending, 60)
    over.set()
    assert outcomes(sending) == ["done"] * 24
    with database.read() as connection:
        held = set(connection.execute(select(study.c.study_instance_uid)).scalars())
    assert following.result(30) == held
    assert len(held) == 24


def test_the_audit_record_stays_one_chain(world: World, pool: ThreadPoolExecutor) -> None:
    database = world.archive.database

    def note(number: int) -> None:
        with database.write() as connection:
            audit.append(connection, audit.Act("look", "study", str(number)))

    for future in [pool.submit(note, number) for number in range(60)]:
        future.result(30)
    with database.read() as connection:
        assert list(audit.broken_rows(connection)) == []


# -- reading -------------------------------------------------------------------------------------


def _written(world: World, username: str) -> tuple[int, str]:
    """Claimed and written by `username`: the draft's version and the claim's token."""
    world.give(username, Command.CLAIM)
    who, found = world.person(username), world.only_request()
    with world.archive.database.write() as connection:
        base = drafts.current(connection, found.id).version
        version = save_draft(connection, who, found, found.claim_token or "", base, CONTENT).version
    return version, found.claim_token or ""


def _late_image(world: World) -> Callable[[], object]:
    data = study_file()
    return lambda: ingest_file(world.archive, data, Sender("KASHI", "TEST"))


def test_no_image_slips_in_while_a_report_is_submitted(asked: World) -> None:
    version, token = _written(asked, "reader")
    reader, found = asked.person("reader"), asked.only_request()
    with during(asked.archive.database, "INSERT INTO report_version", _late_image(asked)) as came_before:
        submit_report(asked.archive, reader, found.id, Order(Command.SUBMIT_REPORT, token), version)
    assert came_before == [False]
    assert asked.only_request().study_epoch == found.study_epoch + 1


def test_no_image_slips_in_while_a_report_is_signed(asked: World) -> None:
    version, token = _written(asked, "reader")
    found = asked.only_request()
    submit_report(
        asked.archive, asked.person("reader"), found.id, Order(Command.SUBMIT_REPORT, token), version
    )
    token = asked.give("reviewer", Command.CLAIM).claim_token or ""
    signature = Signature(Order(Command.SIGN, token), version, "a-password-for-tests")
    with during(asked.archive.database, "INSERT INTO report_version", _late_image(asked)) as came_before:
        sign(asked.archive, asked.person("reviewer"), found.id, signature, lambda *_: None)
    assert came_before == [False]


def test_an_image_that_comes_first_stops_the_signature(asked: World) -> None:
    version, token = _written(asked, "reader")
    found = asked.only_request()
    order = Order(Command.SUBMIT_REPORT, token)
    _late_image(asked)()
    with pytest.raises(Conflict, match="images came"):
        submit_report(asked.archive, asked.person("reader"), found.id, order, version)


def test_a_study_is_asked_for_once_by_two_at_the_same_moment(world: World, pool: ThreadPoolExecutor) -> None:
    world.receive("HOTAN")
    database = world.archive.database
    with database.read() as connection:
        uid = connection.execute(select(study.c.study_instance_uid)).scalar_one()
        others = connection.execute(select(request.c.id)).all()
    assert others == []
    technician = world.person("hotan")

    def ask() -> int:
        with database.write() as connection:
            opened = open_by_person(
                connection, technician, "HOTAN", uid, "SRRSH", Service.READ, Priority.ROUTINE, {}
            )
            threading.Event().wait(0.05)
            return opened.id

    assert outcomes([pool.submit(ask) for _ in range(6)]) == ["DUPLICATE_REQUEST"] * 5 + ["done"]


def test_several_workers_open_each_request_once(
    world: World, another_process: Callable[[], Database], pool: ThreadPoolExecutor
) -> None:
    for _ in range(8):
        receive_another(world)
    processes = [another_process() for _ in range(4)]

    def work(database: Database) -> None:
        archive = as_opened(world, database)
        for _ in range(4):
            arrivals.run_once(archive, -1)

    for future in [pool.submit(work, database) for database in processes]:
        future.result(60)
    with world.archive.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(request)).scalar_one() == 8
        assert connection.execute(select(func.count(request.c.study.distinct()))).scalar_one() == 8
        assert read_cursor(connection, arrivals.CONSUMER) <= last_position(connection)
        told = events.after(connection, Position(0, 0))
    assert len([happening for happening in told if happening.kind == "request"]) == 8


def test_several_senders_take_each_delivery_once(
    asked: World, another_process: Callable[[], Database], pool: ThreadPoolExecutor
) -> None:
    version, token = _written(asked, "reader")
    request_id = asked.only_request().id
    order = Order(Command.SUBMIT_REPORT, token)
    submit_report(asked.archive, asked.person("reader"), request_id, order, version)
    token = asked.give("reviewer", Command.CLAIM).claim_token or ""
    signature = Signature(Order(Command.SIGN, token), version, "a-password-for-tests")
    sign(asked.archive, asked.person("reviewer"), request_id, signature, lambda *_: None)
    processes = [another_process() for _ in range(8)]
    together = threading.Barrier(len(processes))

    def take(database: Database) -> list[Delivery]:
        database.check()
        together.wait(30)
        return take_due(database)

    taken = [
        one.id for future in [pool.submit(take, each) for each in processes] for one in future.result(30)
    ]
    assert taken, "a signed report is to be delivered"
    assert len(taken) == len(set(taken))


def test_a_request_that_is_sent_while_its_study_goes_quiet_does_not_wait_for_ever(world: World) -> None:
    world.receive("HOTAN")
    database, technician = world.archive.database, world.person("hotan")
    with database.write() as connection:
        uid = connection.execute(select(study.c.study_instance_uid)).scalar_one()
        values = ("HOTAN", uid, "SRRSH", Service.READ, Priority.ROUTINE, {})
        open_by_person(connection, technician, *values)

    # the worker has looked for a request that waits, found none, and not yet committed that the study is quiet
    with during(database, "SELECT count(*)", lambda: world.give("hotan", Command.SUBMIT)) as came_before:
        arrivals.run_once(world.archive, -1)
    assert came_before == [False]
    assert world.only_request().state is State.QUEUED


# -- people --------------------------------------------------------------------------------------


def test_a_username_is_given_once(world: World, pool: ThreadPoolExecutor) -> None:
    def add() -> None:
        with world.archive.database.write() as connection:
            add_person(connection, "new.doctor", "New Doctor", "")
            threading.Event().wait(0.05)

    assert outcomes([pool.submit(add) for _ in range(6)]) == ["CONFLICT"] * 5 + ["done"]


def test_an_invitation_is_used_once(world: World, pool: ThreadPoolExecutor) -> None:
    database = world.archive.database
    with database.write() as connection:
        token = invite(connection, find_id(connection, "reader"))
    used = [pool.submit(accept_invitation, database, token, f"password-{n}") for n in range(6)]
    assert outcomes(used) == ["NOT_FOUND"] * 5 + ["done"]

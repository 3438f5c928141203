"""From images to work: a quiet study opens one request, and only under an agreement."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from reading_world import World
from sqlalchemy import func, select

from storage.ingest import Sender, ingest_file
from worklist import arrivals
from worklist.agreements import Priority, SignPolicy
from worklist.tables import arrival, request
from worklist.transitions import Command, State


def _count(world: World) -> int:
    with world.archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(request)).scalar_one()


def test_a_quiet_study_opens_its_request_once(world: World) -> None:
    world.receive()
    world.settle()
    world.settle()
    found = world.only_request()
    assert (found.state, found.sign_policy, found.priority) == (
        State.QUEUED,
        SignPolicy.DOUBLE,
        Priority.ROUTINE,
    )
    assert found.due_at is not None


def test_a_study_that_is_still_arriving_opens_none(world: World) -> None:
    world.receive()
    arrivals.run_once(world.archive, 60)
    assert _count(world) == 0
    with world.archive.database.read() as connection:
        assert connection.execute(select(arrival.c.stable_epoch)).scalar_one() == 0


def test_the_agreement_decides_how_it_is_signed_and_how_soon(world: World) -> None:
    world.receive("AKSU")
    world.settle()
    found = world.only_request()
    assert (found.sign_policy, found.priority) == (SignPolicy.SINGLE, Priority.EMERGENCY)


def test_without_an_automatic_agreement_nothing_opens(world: World) -> None:
    world.receive("HOTAN")
    world.settle()
    assert _count(world) == 0


def test_late_images_raise_the_epoch_and_open_no_second_request(asked: World, tmp_path: Path) -> None:
    asked.give("reader", Command.CLAIM)
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(tmp_path / "late.dcm")
    ingest_file(asked.archive, (tmp_path / "late.dcm").read_bytes(), Sender("KASHI", "TEST"))
    asked.settle()
    found = asked.only_request()
    assert found.study_epoch - found.evidence_epoch == 1


def test_a_waiting_request_wakes_when_its_images_are_there(asked: World) -> None:
    asked.put(State.WAITING_IMAGES, time_left_s=None)
    with asked.archive.database.write() as connection:
        connection.execute(arrival.update().values(stable_epoch=0))
    asked.settle()
    assert asked.only_request().state is State.QUEUED

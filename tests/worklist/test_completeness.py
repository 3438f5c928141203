"""N of M: what is known of a study's completeness, from which evidence, and what the arrivals make of it.

The cases are ways in which studies arrive; in none of them may a study that lacks an image be called complete.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from reading_world import World
from sqlalchemy import func, select, update

from storage.completeness import Completeness, Count, gaps
from storage.errors import Invalid
from storage.expectations import (
    Source,
    association_ended,
    commitment_asked,
    forget_expected,
    record_expected,
)
from storage.ingest import Sender, ingest_file
from storage.links import OpenAssociation, report_open
from storage.tables import instance, series, study
from worklist import arrivals
from worklist.completeness import of_studies
from worklist.tables import arrival, request
from worklist.transitions import State

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


class Sent:
    """A study on its way from Kashi (an agreement, no emergency), image by image."""

    def __init__(self, world: World, site: str = "KASHI") -> None:
        self.world, self.site = world, site
        self.uid, self.series_uids = generate_uid(), [generate_uid(), generate_uid()]
        self._template = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
        self.images: list[str] = []

    @property
    def database(self):
        return self.world.archive.database

    @property
    def key(self) -> dict[str, str]:
        return {"site": self.site, "study_instance_uid": self.uid}

    def prepare(self, series: int = 0, number: int | None = None) -> tuple[str, bytes]:
        """An image, not sent yet: its UID and its file."""
        dataset = dcmread(io.BytesIO(self._template))
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.uid, self.series_uids[series]
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.InstanceNumber = len(self.images) + 1 if number is None else number
        out = io.BytesIO()
        dataset.save_as(out)
        return str(dataset.SOPInstanceUID), out.getvalue()

    def send(self, count: int, series: int = 0) -> None:
        for _ in range(count):
            self.take(*self.prepare(series))

    def take(self, uid: str, data: bytes) -> None:
        ingest_file(self.world.archive, data, Sender(self.site, "KASHI_PACS"))
        self.images.append(uid)

    def expect(self, instances: int, source: Source = Source.DECLARED, **values: object) -> None:
        with self.database.write() as connection:
            fixed = {"source": source, "instances": instances, "at": datetime.now(UTC)}
            record_expected(self.database, connection, **{**self.key, **fixed, **values})  # type: ignore[arg-type]

    def end(self, orderly: bool, at: datetime = LATER, began_at: datetime = NOW, node: str = "PACS") -> None:
        with self.database.write() as connection:
            when = {"at": at, "began_at": began_at}
            studies = {self.uid: len(self.images)}
            association_ended(
                self.database, connection, site=self.site, node=node, studies=studies, orderly=orderly, **when
            )

    def commit(self, *uids: str) -> None:
        with self.database.write() as connection:
            at = datetime.now(UTC)
            commitment_asked(self.database, connection, site=self.site, sop_instance_uids=uids, at=at)

    def count(self) -> Count:
        with self.database.read() as connection:
            return of_studies(connection, [self.row])[self.row]

    @property
    def row(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(study.c.id).filter_by(**self.key)).scalar_one())

    def said(self) -> tuple[int, int | None, Completeness]:
        found = self.count()
        return found.received, found.expected, found.state


@pytest.fixture
def sent(world: World) -> Sent:
    return Sent(world)


def test_images_that_come_are_counted_and_nothing_is_promised(sent: Sent) -> None:
    sent.send(2)
    assert sent.said() == (2, None, Completeness.RECEIVING)
    sent.world.settle()
    assert sent.said() == (2, None, Completeness.UNKNOWN)
    sent.end(orderly=True)
    assert sent.said() == (2, None, Completeness.UNKNOWN), "an orderly end is no proof"
    assert [one.source for one in sent.count().evidence] == ["ASSOCIATION_ENDED"]


def test_a_declared_number_tells_what_is_missing_and_when_all_is_there(sent: Sent) -> None:
    sent.expect(3)  # before anything came
    sent.send(2)
    assert sent.said() == (2, 3, Completeness.RECEIVING)
    sent.world.settle()
    assert sent.said() == (2, 3, Completeness.INCOMPLETE)
    sent.send(1)
    assert sent.said() == (3, 3, Completeness.RECEIVING), "as long as it is not quiet nothing is complete"
    sent.world.settle()
    assert sent.said() == (3, 3, Completeness.COMPLETE)
    (proof,) = sent.count().evidence
    assert (proof.source, proof.instances, proof.missing) == ("DECLARED", 3, 0)


def test_a_number_that_was_overtaken_proves_nothing(sent: Sent) -> None:
    sent.expect(2)
    sent.send(3)
    sent.world.settle()
    assert sent.said() == (3, None, Completeness.UNKNOWN)


def test_of_several_numbers_the_largest_is_believed(sent: Sent) -> None:
    sent.send(3)
    sent.expect(3)
    sent.expect(5, Source.SENDER, who="PACS")
    sent.world.settle()
    assert sent.said() == (3, 5, Completeness.INCOMPLETE)
    with sent.database.write() as connection:
        assert forget_expected(connection, **sent.key, source=Source.SENDER)
    assert sent.said() == (3, 3, Completeness.COMPLETE)


def test_a_sender_asked_too_early_proves_nothing(sent: Sent) -> None:
    """While a scanner is at work its answer is as large as what it made until then."""
    sent.send(3)
    sent.expect(3, Source.SENDER, who="CT", at=NOW - timedelta(minutes=5))
    sent.world.settle()
    assert sent.said() == (3, None, Completeness.UNKNOWN)
    sent.expect(3, Source.SENDER, who="CT", at=datetime.now(UTC))
    assert sent.said() == (3, 3, Completeness.COMPLETE)


def test_one_series_too_long_does_not_make_up_for_one_too_short(sent: Sent) -> None:
    first, second = sent.series_uids
    sent.send(3, 0)
    sent.send(1, 1)
    sent.expect(4, Source.SENDER, who="PACS", series={first: 2, second: 2})
    sent.world.settle()
    assert sent.said() == (4, 5, Completeness.INCOMPLETE)


def test_a_broken_association_leaves_a_doubt_until_the_same_sender_sends_again(sent: Sent) -> None:
    sent.send(2)
    sent.end(orderly=False, at=NOW)
    sent.world.settle()
    assert sent.said() == (2, None, Completeness.MAY_BE_INCOMPLETE)
    sent.end(orderly=True, at=LATER, began_at=LATER, node="OTHER")
    assert sent.said()[2] is Completeness.MAY_BE_INCOMPLETE
    sent.end(orderly=True, at=LATER, began_at=NOW - timedelta(minutes=1))
    assert sent.said()[2] is Completeness.MAY_BE_INCOMPLETE, "it ran beside the one that was lost"
    sent.end(orderly=True, at=LATER, began_at=NOW + timedelta(minutes=1))
    assert sent.said()[2] is Completeness.UNKNOWN


def test_a_commitment_list_names_what_is_missing(sent: Sent) -> None:
    sent.send(3)
    late_uid, late = sent.prepare()
    sent.commit(*sent.images, late_uid)
    sent.world.settle()
    assert sent.said() == (3, 4, Completeness.INCOMPLETE)
    sent.send(1)  # another image in its place does not make up for it
    sent.world.settle()
    assert sent.said() == (4, 5, Completeness.INCOMPLETE)
    sent.take(late_uid, late)
    sent.world.settle()
    assert sent.said() == (5, None, Completeness.UNKNOWN), "the list does not speak of the fourth image"
    sent.commit(*sent.images)
    assert sent.said() == (5, 5, Completeness.COMPLETE)


def test_commitment_lists_by_series_add_up_and_a_list_again_does_not(sent: Sent) -> None:
    sent.send(2, 0)
    first = tuple(sent.images)
    sent.commit(*first)
    sent.send(3, 1)
    sent.world.settle()
    assert sent.said() == (5, None, Completeness.UNKNOWN), "the list of one series proves nothing of two"
    sent.commit(*sent.images[2:])
    sent.commit(*first)
    assert sent.said() == (5, 5, Completeness.COMPLETE)
    sent.send(1, 1)
    sent.world.settle()
    assert sent.said()[2] is Completeness.UNKNOWN


def test_a_list_over_two_studies_blames_none_for_what_is_missing(world: World) -> None:
    one, two = Sent(world), Sent(world)
    one.send(1)
    two.send(1)
    one.commit(*one.images, *two.images, generate_uid())
    world.settle()
    assert one.said() == two.said() == (1, 1, Completeness.COMPLETE)


def test_counts_are_kept_apart_by_hospital(world: World) -> None:
    sent = Sent(world)
    sent.send(2)
    sent.expect(9, site="AKSU")
    world.settle()
    assert sent.said() == (2, None, Completeness.UNKNOWN)


@pytest.mark.parametrize("wrong", [0, -1, 10_000_000])
def test_impossible_numbers_are_refused(sent: Sent, wrong: int) -> None:
    with pytest.raises(Invalid):
        sent.expect(wrong)


def test_holes_in_the_instance_numbers_are_a_hint(sent: Sent) -> None:
    for number in (1, 2, 5, 6):
        sent.take(*sent.prepare(0, number))
    sent.take(*sent.prepare(1, 40))
    with sent.database.read() as connection:
        (hole,) = gaps(connection, sent.row)
    assert (hole.first, hole.last, hole.absent) == (1, 6, 2)
    sent.world.settle()
    assert sent.said() == (5, None, Completeness.UNKNOWN)


# -- what the arrivals make of it --------------------------------------------------------------------


def _requests(world: World) -> int:
    with world.archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(request)).scalar_one()


def _tick(world: World, patience_s: float = 900) -> None:
    for _ in range(2):
        arrivals.run_once(world.archive, -1, patience_s)


def test_a_study_that_lacks_images_waits_and_opens_when_they_come(sent: Sent) -> None:
    sent.expect(2)
    sent.send(1)
    _tick(sent.world)
    assert _requests(sent.world) == 0
    sent.send(1)
    _tick(sent.world)
    assert sent.world.only_request().state is State.QUEUED
    assert sent.said() == (2, 2, Completeness.COMPLETE)


def test_the_wait_is_bounded_and_the_request_says_what_is_missing(sent: Sent) -> None:
    sent.expect(2)
    sent.send(1)
    _tick(sent.world)
    assert _requests(sent.world) == 0
    _forget_last_quarter_hour(sent)
    _tick(sent.world)
    assert sent.world.only_request().state is State.QUEUED
    assert sent.said() == (1, 2, Completeness.INCOMPLETE)


def _forget_last_quarter_hour(sent: Sent) -> None:
    with sent.database.write() as connection:
        over = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(arrival).values(waits_until=over))
        connection.execute(update(study).values(last_received_at=over - timedelta(minutes=16)))


def test_a_number_taken_back_ends_the_wait(sent: Sent) -> None:
    sent.expect(2)
    sent.send(1)
    _tick(sent.world)
    with sent.database.write() as connection:
        forget_expected(connection, **sent.key, source=Source.DECLARED)
    _tick(sent.world)
    assert _requests(sent.world) == 1


def test_an_emergency_is_read_with_what_is_there(world: World) -> None:
    sent = Sent(world, "AKSU")
    sent.expect(2)
    sent.send(1)
    _tick(world)
    assert world.only_request().state is State.QUEUED
    assert sent.said() == (1, 2, Completeness.INCOMPLETE)


def test_a_waiting_request_is_not_woken_while_images_are_missing(sent: Sent) -> None:
    sent.send(1)
    _tick(sent.world)
    sent.world.put(State.WAITING_IMAGES, time_left_s=None)
    sent.expect(3)
    sent.send(1)
    _tick(sent.world)
    assert sent.world.only_request().state is State.WAITING_IMAGES
    sent.send(1)
    _tick(sent.world)
    assert sent.world.only_request().state is State.QUEUED


def test_a_study_with_an_image_on_its_way_is_not_quiet(sent: Sent) -> None:
    """A large image over a thin line takes longer than the quiet time."""
    sent.send(1)
    at = datetime.now(UTC)
    sending = OpenAssociation("KASHI", "KASHI_PACS", at, "127.0.0.1", sent.uid, sending=True)
    with sent.database.write() as connection:
        report_open(connection, process="node", associations=[sending], at=at)
    _tick(sent.world)
    assert (sent.said()[2], _requests(sent.world)) == (Completeness.RECEIVING, 0)
    with sent.database.write() as connection:
        report_open(connection, process="node", associations=[], at=at)
    _tick(sent.world)
    assert (sent.said()[2], _requests(sent.world)) == (Completeness.UNKNOWN, 1)


def test_our_own_reports_in_the_senders_count_are_not_missed(asked: World) -> None:
    """A PACS that was given our report counts it in; asked by series, we know it for ours."""
    row = asked.only_request().study
    with asked.archive.database.read() as connection:
        found = connection.execute(select(study).where(study.c.id == row)).one()
    with asked.archive.database.write() as connection:
        key = {"site": found.site, "study_instance_uid": found.study_instance_uid}
        ours = _give_report(connection, row)
        values = {"source": Source.SENDER, "at": datetime.now(UTC), "who": "PACS"}
        record_expected(asked.archive.database, connection, **key, **values, instances=2, series={ours: 1})
    with asked.archive.database.read() as connection:
        count = of_studies(connection, [row])[row]
    assert (count.received, count.expected, count.state) == (1, 1, Completeness.COMPLETE)


def _give_report(connection, study_row: int) -> str:
    """A series with one instance of ours, made from the study's own rows."""
    image = (
        connection.execute(select(instance).join(series).where(series.c.study == study_row)).mappings().one()
    )
    of = connection.execute(select(series).where(series.c.id == image["series"])).mappings().one()
    uid = generate_uid()
    values = {**of, "series_instance_uid": uid}
    del values["id"]
    number = connection.execute(series.insert().values(**values).returning(series.c.id)).scalar_one()
    copy = {**image, "series": number, "sop_instance_uid": generate_uid(), "origin": "report"}
    del copy["id"]
    connection.execute(instance.insert().values(**copy))
    return str(uid)

"""Senders asked by C-FIND how many images a study has: what they answer, and what becomes of it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRootFind
from sqlalchemy import select, update

from dicom_node import asking
from dicom_node.asking import Asker
from storage.archive import Archive
from storage.completeness import Completeness, Count, completeness
from storage.expectations import Expectation, expectations_of
from storage.ingest import Sender, ingest_file
from storage.questions import plan
from storage.sites import Node, put_node
from storage.tables import instance, question, study

TITLE = "SENDER"
DATASET = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()


@dataclass
class QueryScp:
    """A sender's archive: counts by series of the studies it knows, and the levels at which it was asked."""

    studies: dict[str, dict[str, int]] = field(default_factory=dict)
    tells_counts: bool = True
    refuses: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    calling: list[str] = field(default_factory=list)
    open: list[socket.socket] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        wanted = event.identifier
        self.asked.append((wanted.QueryRetrieveLevel, wanted.StudyInstanceUID))
        self.calling.append(event.assoc.requestor.ae_title)
        while self.meanwhile:
            self.meanwhile.pop()()
        if wanted.StudyInstanceUID in self.refuses:
            yield 0xC000, None
            return
        found = self.studies.get(wanted.StudyInstanceUID, {})
        yield from ((0xFF00, answer) for answer in self._answers(wanted, found))

    def _answers(self, wanted: Dataset, found: dict[str, int]) -> Iterator[Dataset]:
        for uid, count in found.items():
            if wanted.QueryRetrieveLevel == "SERIES":
                yield self._answer(wanted, uid, count)
            elif wanted.SeriesInstanceUID == uid:
                for number in range(count):
                    yield self._answer(wanted, uid, count, f"{uid}.{number}")

    def _answer(self, wanted: Dataset, uid: str, count: int, image: str = "") -> Dataset:
        answer = Dataset()
        answer.QueryRetrieveLevel, answer.StudyInstanceUID = (
            wanted.QueryRetrieveLevel,
            wanted.StudyInstanceUID,
        )
        answer.SeriesInstanceUID = uid
        if image:
            answer.SOPInstanceUID = image
        elif self.tells_counts:
            answer.NumberOfSeriesRelatedInstances, answer.Modality = count, "CT"
        return answer

    def opened(self, event: evt.Event) -> None:
        self.open.append(event.assoc.dul.socket.socket)

    def close(self) -> None:
        """pynetdicom forgets the socket of an association that was aborted while it answered."""
        for one in self.open:
            one.close()

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        ae = AE(TITLE)
        ae.add_supported_context(StudyRootFind)
        handlers = [(evt.EVT_C_FIND, self.find), (evt.EVT_ACCEPTED, self.opened)]
        server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        try:
            yield
        finally:
            server.shutdown()
            self.close()


@pytest.fixture
def scp(archive: Archive, free_port: int) -> Iterator[QueryScp]:
    """The archive of a node that may be asked."""
    register(archive, free_port)
    sender = QueryScp()
    with sender.listening(free_port):
        yield sender


def register(archive: Archive, port: int, host: str = "127.0.0.1", queryable: bool = True) -> None:
    with archive.database.write() as connection:
        put_node(archive.database, connection, Node("KASHI", TITLE, host, port, queryable=queryable))


@dataclass
class Sent:
    """A study of which images came, and whose sender is to be asked."""

    archive: Archive
    uid: str = field(default_factory=generate_uid)
    series_uids: tuple[str, str] = field(default_factory=lambda: (generate_uid(), generate_uid()))

    def send(self, count: int, series: int = 0) -> Sent:
        for _ in range(count):
            dataset = dcmread(io.BytesIO(DATASET))
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.uid, self.series_uids[series]
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            out = io.BytesIO()
            dataset.save_as(out)
            ingest_file(self.archive, out.getvalue(), Sender("KASHI", TITLE))
        with self.archive.database.write() as connection:
            about = {"site": "KASHI", "ae_title": TITLE, "studies": [self.uid], "at": datetime.now(UTC)}
            plan(self.archive.database, connection, **about)
        return self

    def count(self) -> tuple[int, int | None, Completeness]:
        with self.archive.database.read() as connection:
            row = connection.execute(select(study).filter_by(study_instance_uid=self.uid)).one()
            found: Count = completeness(connection, row, quiet=True)
        return found.received, found.expected, found.state

    def said(self) -> list[Expectation]:
        with self.archive.database.read() as connection:
            return expectations_of(connection, [("KASHI", self.uid)])

    def waits_until(self) -> datetime | None:
        with self.archive.database.read() as connection:
            return connection.execute(
                select(question.c.ask_at).filter_by(study_instance_uid=self.uid)
            ).scalar()


@pytest.fixture
def sent(archive: Archive) -> Callable[[], Sent]:
    return lambda: Sent(archive)


def asker(archive: Archive, quiet_seconds: float = 0) -> Asker:
    return Asker(archive, "FARLIGHT", quiet_seconds)


def test_the_sender_says_eight_and_five_are_here_until_the_rest_came(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(5)
    scp.studies[one.uid] = {one.series_uids[0]: 6, one.series_uids[1]: 2}
    assert asker(archive).ask_due() == 1
    assert one.count() == (5, 8, Completeness.INCOMPLETE)
    (said,) = one.said()
    assert (said.source, said.who, said.series) == ("SENDER", TITLE, scp.studies[one.uid])
    assert asker(archive).ask_due() == 0, "what was answered is not asked again"
    one.send(1).send(2, series=1)
    assert one.count() == (8, None, Completeness.UNKNOWN), (
        "an answer older than the last image proves nothing"
    )
    assert asker(archive).ask_due() == 1
    assert one.count() == (8, 8, Completeness.COMPLETE)
    assert set(scp.asked) == {("SERIES", one.uid)}
    assert set(scp.calling) == {"FARLIGHT"}


def test_without_counts_images_are_counted(archive: Archive, scp: QueryScp, sent: Callable[[], Sent]) -> None:
    one = sent().send(1)
    scp.tells_counts = False
    scp.studies[one.uid] = {one.series_uids[0]: 3, one.series_uids[1]: 4}
    asker(archive).ask_due()
    assert one.count() == (1, 7, Completeness.INCOMPLETE)
    assert [level for level, _ in scp.asked] == ["SERIES", "IMAGE", "IMAGE"]


def test_our_own_reports_at_the_sender_do_not_count(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(3).send(1, series=1)
    report = select(instance.c.id).order_by(instance.c.id.desc()).limit(1).scalar_subquery()
    with archive.database.write() as connection:
        connection.execute(update(instance).where(instance.c.id == report).values(origin="report"))
        connection.execute(update(study).values(received_instances=3))
    scp.studies[one.uid] = {one.series_uids[0]: 3, one.series_uids[1]: 1}
    asker(archive).ask_due()
    assert one.count() == (3, 3, Completeness.COMPLETE)


def test_an_empty_answer_proves_nothing_and_is_asked_again_later(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(2)
    asker(archive).ask_due()
    assert one.said() == []
    later = one.waits_until()
    assert later is not None
    assert timedelta(minutes=4) < later - datetime.now(UTC) < timedelta(minutes=6)
    with archive.database.write() as connection:  # the same, two hours on
        past = datetime.now(UTC) - timedelta(hours=2)
        connection.execute(update(question).values(since=past, ask_at=past))
    asker(archive).ask_due()
    assert (one.waits_until(), one.said()) == (None, [])


def test_a_study_that_still_arrives_is_not_asked_about(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(1)
    assert asker(archive, quiet_seconds=60).ask_due() == 0
    until = one.waits_until()
    assert until is not None
    assert until > datetime.now(UTC) + timedelta(seconds=50)
    assert scp.asked == []


def test_a_study_of_the_day_before_is_not_asked_about(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(1)
    with archive.database.write() as connection:
        connection.execute(update(study).values(last_received_at=datetime.now(UTC) - timedelta(hours=25)))
    assert asker(archive).ask_due() == 0
    assert (one.waits_until(), scp.asked) == (None, [])


def test_who_may_not_be_asked_is_not(
    archive: Archive, scp: QueryScp, free_port: int, sent: Callable[[], Sent]
) -> None:
    one = sent().send(1)
    register(archive, free_port, queryable=False)
    asker(archive).ask_due()
    assert one.waits_until() is None, "it is forbidden since"
    assert one.send(1).waits_until() is None
    assert scp.asked == []


def test_a_node_that_is_away_is_left_alone_whatever_it_sends(
    archive: Archive, free_port: int, sent: Callable[[], Sent]
) -> None:
    register(archive, free_port)
    calls = 0
    with socket.create_server(("127.0.0.1", free_port)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def hang_up() -> None:
            nonlocal calls
            while not stop.is_set():
                try:
                    listener.accept()[0].close()
                    calls += 1
                except TimeoutError:
                    continue

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        studies = [sent().send(1) for _ in range(3)]
        mine = asker(archive)
        assert mine.ask_due() == 3
        newer = sent().send(1)
        mine.ask_due()
        stop.set()
        hanging_up.join()
    assert calls == 1
    for one in (*studies, newer):
        until = one.waits_until()
        assert until is not None
        assert until > datetime.now(UTC) + timedelta(seconds=20)


def test_a_study_that_its_sender_chokes_on_does_not_stand_in_the_way_of_others(
    archive: Archive, scp: QueryScp, monkeypatch: pytest.MonkeyPatch, sent: Callable[[], Sent]
) -> None:
    monkeypatch.setattr(asking, "BACK_OFF_S", (0,))
    bad, good = sent().send(1), sent().send(1)
    scp.refuses.add(bad.uid)
    scp.studies[good.uid] = {good.series_uids[0]: 2}
    mine = asker(archive)
    mine.ask_due()
    assert good.said() == []
    mine.ask_due()
    assert good.count() == (1, 2, Completeness.INCOMPLETE)
    assert bad.waits_until() is not None
    assert bad.said() == []


def test_answers_without_end_are_broken_off(
    archive: Archive, scp: QueryScp, monkeypatch: pytest.MonkeyPatch, sent: Callable[[], Sent]
) -> None:
    monkeypatch.setattr(asking, "MAX_SERIES", 20)
    one = sent().send(1)
    scp.studies[one.uid] = {f"1.2.3.{number}": 1 for number in range(21)}
    asker(archive).ask_due()
    assert one.said() == []
    del scp.studies[one.uid]["1.2.3.20"]
    with archive.database.write() as connection:
        connection.execute(update(question).values(ask_at=datetime.now(UTC)))
    asker(archive).ask_due()
    assert one.count()[1] == 21, "twenty that it has, and the one that it says nothing of"


def test_several_processes_ask_once_and_over_one_association(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    studies = [sent().send(1) for _ in range(6)]
    for one in studies:
        scp.studies[one.uid] = {one.series_uids[0]: 1}
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: asker(archive).ask_due(), range(4)))
    assert sum(taken) == 6
    assert sorted(uid for _, uid in scp.asked) == sorted(one.uid for one in studies)
    assert len(scp.open) <= sum(1 for one in taken if one)
    assert all(one.count() == (1, 1, Completeness.COMPLETE) for one in studies)


def test_what_is_planned_anew_while_it_is_asked_is_asked_again(
    archive: Archive, scp: QueryScp, sent: Callable[[], Sent]
) -> None:
    one = sent().send(1)
    scp.studies[one.uid] = {one.series_uids[0]: 2}
    scp.meanwhile.append(lambda: one.send(1))
    assert asker(archive).ask_due() == 1
    assert one.count()[2] is Completeness.UNKNOWN
    assert asker(archive).ask_due() == 1
    assert one.count() == (2, 2, Completeness.COMPLETE)

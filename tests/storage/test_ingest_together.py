"""Many instances at once, from threads and processes: the index is what it is one after the other."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from keeping import changed, file_bytes
from sqlalchemy import Connection, Table, event, func, select
from sqlalchemy.exc import IntegrityError

from storage.archive import Archive
from storage.changes import changes_after
from storage.database import Database
from storage.ingest import (
    Outcome,
    Prepared,
    Receipt,
    Sender,
    ingest_file,
    keep_document,
    record,
    record_batch,
)
from storage.part10 import inspect_file
from storage.tables import change, held_aside, instance, left_blob, patient, series, study

KASHI = Sender("KASHI", "TEST", issuer="KASHI")


def blob_keys(archive: Archive) -> list[str]:
    return [info.key for info in archive.blobs.list("KASHI/")]


def count(archive: Archive, table: Table) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def batch_of(archive: Archive, files: list[bytes]) -> list[Prepared]:
    """Kept, and not recorded yet."""
    kept = []
    for data in files:
        info = inspect_file(data)
        kept.append(keep_document(archive, data[info.dataset_offset :], info.transfer_syntax_uid, KASHI))
    return [replace(one, blob=replace(one.blob, origin="received")) for one in kept]


def test_a_batch_is_what_its_instances_are_one_after_the_other(archive: Archive) -> None:
    files = [
        file_bytes(),
        file_bytes(),
        changed(PatientComments="other content"),
        changed(SOPInstanceUID="1.2.3.1"),
        changed(SOPInstanceUID="1.2.3.2", PatientID="somebody else"),
        changed(SOPInstanceUID="1.2.3.3", SeriesInstanceUID="1.2.4", Modality="MR"),
        changed(SOPInstanceUID="1.2.3.1", SeriesInstanceUID="1.2.5"),
        changed(SOPInstanceUID="1.2.3.4", StudyInstanceUID="1.2.6", PatientID="somebody else"),
        changed(PatientComments="other content"),
    ]
    batch = batch_of(archive, files)
    with archive.database.write() as connection:
        together = record_batch(archive.database, connection, batch)
        rows = everything(connection)
        connection.rollback()
    with archive.database.write() as connection:
        alone = [record(archive.database, connection, one) for one in batch]
        assert [receipt.outcome for receipt in together] == [
            *(Outcome.STORED, Outcome.DUPLICATE, Outcome.HELD_ASIDE, Outcome.STORED, Outcome.HELD_ASIDE),
            *(Outcome.STORED, Outcome.HELD_ASIDE, Outcome.STORED, Outcome.HELD_ASIDE),
        ]
        assert together == alone
        assert rows == everything(connection)
    assert rows["study"][0]["epoch"] == 3
    assert rows["study"][0]["received_modalities"] == "CT\\MR"


def everything(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """All rows without their numbers; of the feed the last word on each study."""
    tables = (patient, study, series, instance, held_aside, change)
    rows = {
        t.name: [dict(row._mapping) for row in connection.execute(select(t).order_by(t.c.id))] for t in tables
    }
    rows["change"] = list({row["study_instance_uid"]: row for row in rows["change"]}.values())
    for found in rows.values():
        for row in found:
            for number in ("id", "patient", "study", "series"):
                row.pop(number, None)
    return rows


def test_many_senders_at_once(archive: Archive) -> None:
    """Half of what each sends is what the others send too."""
    shared = [changed(SOPInstanceUID=f"1.2.3.{n}") for n in range(6)]
    own = [[changed(SOPInstanceUID=f"1.2.4.{s}.{n}") for n in range(6)] for s in range(8)]

    def send(files: list[bytes]) -> list[Receipt]:
        return [ingest_file(archive, data, KASHI) for data in files]

    with ThreadPoolExecutor(8) as threads:
        receipts = [r for sent in threads.map(send, [shared + mine for mine in own]) for r in sent]
    outcomes = Counter(receipt.outcome for receipt in receipts)
    assert outcomes == {Outcome.STORED: 54, Outcome.DUPLICATE: 42}
    with archive.database.read() as connection:
        row = connection.execute(select(study)).one()
        keys = set(connection.execute(select(instance.c.blob_key)).scalars())
        last = connection.execute(select(change).order_by(change.c.id.desc()).limit(1)).one()
        noted = set(connection.execute(select(left_blob.c.key)).scalars())
    assert (row.number_of_study_related_instances, row.received_instances, row.epoch) == (54, 54, 54)
    assert (last.epoch, last.instance_count) == (54, 54)
    # in a bucket packs of what was known already are left to the sweep, which is told of them
    assert keys <= set(blob_keys(archive)) <= keys | noted


def test_two_processes_and_one_instance(archive: Archive) -> None:
    """Each has its own connections and its own group; the index is one."""
    other = Archive(Database(archive.database.url), archive.blobs, archive.incoming)
    files = [changed(SOPInstanceUID=f"1.2.3.{n}", StudyInstanceUID=f"1.2.5.{n}") for n in range(12)]
    start = threading.Barrier(2)

    def send(where: Archive) -> list[Outcome]:
        outcomes = []
        for data in files:
            start.wait(20)
            outcomes.append(ingest_file(where, data, KASHI).outcome)
        return outcomes

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(send, [archive, other])
    other.close()
    for pair in zip(first, second, strict=True):
        assert sorted(pair) == [Outcome.DUPLICATE, Outcome.STORED]
    assert (count(archive, instance), count(archive, study), count(archive, patient)) == (12, 12, 1)
    assert len(blob_keys(archive)) == 12


def test_a_sender_whose_site_is_unknown_fails_alone(archive: Archive) -> None:
    senders = [Sender("NOWHERE" if n == 3 else "KASHI", "TEST") for n in range(8)]
    files = [changed(SOPInstanceUID=f"1.2.3.{n}") for n in range(8)]

    def send(n: int) -> str:
        try:
            return ingest_file(archive, files[n], senders[n]).outcome
        except IntegrityError:
            return "refused"

    with ThreadPoolExecutor(8) as threads:
        assert Counter(threads.map(send, range(8))) == {Outcome.STORED: 7, "refused": 1}


def test_a_follower_of_the_feed_misses_nothing(archive: Archive) -> None:
    """Two processes record at once; what commits later has a higher number, so that a follower's place is enough."""
    other = Archive(Database(archive.database.url), archive.blobs, archive.incoming)
    over = threading.Event()

    def follow() -> list[int]:
        seen: list[int] = []
        while True:
            ended = over.is_set()
            with archive.database.read() as connection:
                news = changes_after(connection, seen[-1] if seen else 0)
            seen += [change.id for change in news]
            if ended and not news:
                return seen

    def send(number: int) -> None:
        for n in range(8):
            uids = {"SOPInstanceUID": f"1.2.3.{number}.{n}", "StudyInstanceUID": f"1.2.4.{n}"}
            ingest_file([archive, other][number % 2], changed(**uids), KASHI)

    with ThreadPoolExecutor(7) as threads:
        follower = threads.submit(follow)
        list(threads.map(send, range(6)))
        over.set()
        seen = follower.result(30)
    other.close()
    with archive.database.read() as connection:
        assert seen == [row.id for row in connection.execute(select(change.c.id).order_by(change.c.id))]
        studies = {row.id: row.epoch for row in connection.execute(select(study))}
        announced = {row.study: row.epoch for row in connection.execute(select(change).order_by(change.c.id))}
    assert studies == announced
    assert set(studies.values()) == {6}


def test_one_more_image_of_a_series_takes_few_statements(archive: Archive) -> None:
    ingest_file(archive, changed(SOPInstanceUID="1.2.3.1"), KASHI)
    said = _statements(
        archive.database, lambda: ingest_file(archive, changed(SOPInstanceUID="1.2.3.2"), KASHI)
    )
    more = 0 if archive.database.embedded else 2  # and the question before anything goes to an object store
    words = Counter(word for word in said if word not in ("BEGIN", "COMMIT"))
    assert words == {"SELECT": 2 + more, "INSERT": 2, "UPDATE": 2}


def _statements(database: Database, work: Callable[[], object]) -> list[str]:
    """The first word of each statement that the driver runs meanwhile."""
    said: list[str] = []
    if database.embedded:
        with database.write() as connection:
            driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(lambda text: said.append(text.split()[0].upper()))
        work()
        driver.set_trace_callback(None)
        return said

    def listen(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement.split()[0].upper())

    event.listen(database.engine, "before_cursor_execute", listen)
    work()
    event.remove(database.engine, "before_cursor_execute", listen)
    return said

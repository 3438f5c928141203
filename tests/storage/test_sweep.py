"""Blobs that no row names: what is removed, what is taken in, what is left, and when nothing at all is done."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from keeping import changed, ct, document, lose_index, sender
from pydicom.uid import generate_uid
from sqlalchemy import delete, func, select
from structlog.testing import capture_logs

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.ingest import ingest_file
from storage.part10 import inspect_file
from storage.sweep import MAX_UNNAMED, Fate, Swept, clear_incoming, sweep, unnamed_blobs
from storage.tables import instance

AT_ONCE = timedelta(seconds=-2)
"""A grace that has passed already, also by a store's clock that tells seconds."""


def blob_of(archive: Archive, data: bytes, *, at: datetime | None = None, origin: str = "received") -> str:
    """A blob as an attempt left it that was cut off before its commit; its key."""
    with archive.spool() as spool:
        spool.write(data)
        name = BlobName.of(
            "KASHI",
            "report" if origin == "report" else "received",
            at or datetime.now(UTC),
            "KASHI_PACS",
            spool.sha256,
        )
        archive.blobs.keep(name.key, spool)
    archive.blobs.settle([name.key])
    return name.key


def keys(archive: Archive) -> set[str]:
    return {info.key for info in archive.blobs.list("KASHI/")}


def count(archive: Archive) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(instance)).scalar_one()


def fates(swept: Swept) -> dict[str, int]:
    return {fate.name: swept.fates[fate] for fate in Fate if swept.fates[fate]}


def kept_form(archive: Archive, data: bytes) -> bytes:
    """The bytes of a file as they are kept: taken in once, and forgotten."""
    receipt = ingest_file(archive, data, sender(archive, "KASHI"))
    kept = archive.blobs.read(receipt.blob_key)
    assert inspect_file(kept).dataset_offset
    return kept


def test_a_copy_of_what_is_recorded_is_removed(archive: Archive) -> None:
    """The usual case: cut off, and sent again since."""
    receipt = ct(archive)
    remains = blob_of(archive, archive.blobs.read(receipt.blob_key), at=datetime(2026, 1, 1, tzinfo=UTC))
    assert keys(archive) == {receipt.blob_key, remains}
    swept = sweep(archive, grace=AT_ONCE)
    assert (swept.looked_at, swept.unnamed, fates(swept)) == (2, 1, {"REMOVED": 1})
    assert keys(archive) == {receipt.blob_key}


def test_what_nobody_sent_again_is_taken_in(archive: Archive) -> None:
    """It may be the only copy there is."""
    ct(archive)
    lost = ct(archive)
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.sop_instance_uid == lost.sop_instance_uid))
    assert fates(sweep(archive, grace=AT_ONCE)) == {"TAKEN_IN": 1}
    assert count(archive) == 2
    assert fates(sweep(archive, grace=AT_ONCE)) == {}


def test_the_young_are_let_be(archive: Archive) -> None:
    receipt = ct(archive)
    data = archive.blobs.read(receipt.blob_key)
    young = blob_of(archive, data)
    named_old = blob_of(archive, data, at=datetime.now(UTC) - timedelta(days=1))
    assert sweep(archive).looked_at == 0
    assert list(unnamed_blobs(archive)) == []
    assert {young, named_old} <= keys(archive), "the name says old, the store's clock says young: it is young"


def test_both_clocks_must_say_that_it_is_old(archive: Archive) -> None:
    data = archive.blobs.read(ct(archive).blob_key)
    old = blob_of(archive, data, at=datetime.now(UTC) - timedelta(minutes=61))
    time.sleep(1.1)
    assert sweep(archive, grace=timedelta(hours=1)).looked_at == 0
    assert fates(sweep(archive, grace=timedelta(seconds=1), everything=True)) == {"REMOVED": 1}
    assert old not in keys(archive)


@pytest.mark.parametrize("number", [MAX_UNNAMED, MAX_UNNAMED + 1])
def test_a_lost_index_is_no_reason_to_delete_the_archive(archive: Archive, number: int) -> None:
    for _ in range(number):
        ct(archive)
    before = keys(archive)
    lose_index(archive, sites=False)
    with capture_logs() as logs:
        swept = sweep(archive, grace=AT_ONCE)
    assert keys(archive) == before, "nothing was deleted"
    errors = [entry for entry in logs if entry["log_level"] == "error"]
    if number > MAX_UNNAMED:
        assert swept.index_lost
        assert "run 'farlight reindex'" in errors[0]["do"]
        assert count(archive) == 0, "nothing was done"
    else:
        assert errors == []
        assert count(archive) == number, "so few are seen to, and none is lost"


def test_many_cuts_are_no_lost_index(archive: Archive) -> None:
    """Each was sent again since: its bytes are recorded, under another key."""
    receipt = ct(archive)
    content = archive.blobs.read(receipt.blob_key)
    for second in range(MAX_UNNAMED + 1):
        blob_of(archive, content, at=datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC))
    swept = sweep(archive, grace=AT_ONCE)
    assert (swept.index_lost, fates(swept)) == (False, {"REMOVED": MAX_UNNAMED + 1})
    assert keys(archive) == {receipt.blob_key}


def test_documents_are_removed_only_if_they_were_made_again(archive: Archive) -> None:
    study_uid = ct(archive).study_instance_uid
    signed = document(archive, study_uid)
    earlier = changed(SOPInstanceUID=signed.sop_instance_uid, StudyInstanceUID=study_uid, Modality="SR")
    never = changed(SOPInstanceUID=generate_uid(), StudyInstanceUID=study_uid, Modality="SR")
    abandoned, unsigned = (blob_of(archive, data, origin="report") for data in (earlier, never))
    before = count(archive)
    assert fates(sweep(archive, grace=AT_ONCE)) == {"REMOVED": 1, "LEFT": 1}
    assert abandoned not in keys(archive)
    assert unsigned in keys(archive)
    assert count(archive) == before, "a report that was not signed does not appear"


def test_what_is_no_instance_is_left(archive: Archive) -> None:
    ct(archive)
    garbage = blob_of(archive, b"no image")
    damaged = "KASHI/received/2026-01-01/000000000000-X-" + "0" * 64 + ".dcm"
    archive.blobs.put(damaged, [changed(SOPInstanceUID=generate_uid())])
    archive.blobs.put("KASHI/notes.txt", [b"somebody's"])
    with capture_logs() as logs:
        assert fates(sweep(archive, grace=AT_ONCE)) == {"LEFT": 2}
    assert sum(entry["event"] == "unnamed blob left" for entry in logs) == 2
    assert {garbage, damaged, "KASHI/notes.txt"} <= keys(archive)


def test_a_copy_is_kept_while_the_recorded_one_is_not_there(archive: Archive) -> None:
    receipt = ct(archive)
    copy = blob_of(archive, archive.blobs.read(receipt.blob_key))
    archive.blobs.delete(receipt.blob_key)
    assert fates(sweep(archive, grace=AT_ONCE)) == {"LEFT": 1}
    assert copy in keys(archive)


def test_no_new_row_ever_names_an_old_blob(archive: Archive) -> None:
    """Why a sweep cannot race with a sender: the same bytes again have another key."""
    data = changed(SOPInstanceUID=generate_uid())
    first = ingest_file(archive, data, sender(archive, "KASHI"))
    with archive.database.write() as connection:
        connection.execute(delete(instance))
    second = ingest_file(archive, data, sender(archive, "KASHI"))
    assert first.blob_key != second.blob_key
    with archive.database.read() as connection:
        assert connection.execute(select(instance.c.blob_key)).scalars().all() == [second.blob_key]
    assert fates(sweep(archive, grace=AT_ONCE)) == {"REMOVED": 1}
    assert second.blob_key in keys(archive)


def test_only_the_days_since_the_last_sweep_are_looked_at(archive: Archive) -> None:
    data = archive.blobs.read(ct(archive).blob_key)
    blob_of(archive, data, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert sweep(archive, grace=AT_ONCE).looked_at == 2
    blob_of(archive, data, at=datetime(2026, 1, 2, tzinfo=UTC))
    assert sweep(archive, grace=AT_ONCE).looked_at == 1
    assert sweep(archive, grace=AT_ONCE, everything=True).looked_at == 2


def test_it_ends_when_told_to_and_begins_there_again(archive: Archive) -> None:
    ct(archive)
    assert sweep(archive, grace=AT_ONCE, stopped=lambda: True).looked_at == 0
    assert sweep(archive, grace=AT_ONCE).looked_at == 1


def test_what_a_crashed_process_left_behind_is_cleared(tmp_path: Path) -> None:
    left, living = tmp_path / "left", tmp_path / "living"
    for folder in (left, living):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
    long_ago = time.time() - 2 * 86400
    for path in (left / "file", left):
        os.utime(path, (long_ago, long_ago))
    assert clear_incoming(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "living"]

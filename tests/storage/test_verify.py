"""Everything that can be wrong with an archive is found, named without naming a patient, and mended where it can be."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from keeping import changed, ct, differing, index_of, sender, take_hard_set
from pydicom.uid import generate_uid
from sqlalchemy import delete, update

from storage import audit
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.damage import DAMAGED
from storage.derived import correct_counts
from storage.errors import NotFound, Unavailable
from storage.ingest import Receipt, ingest_file
from storage.tables import instance, patient, series, study
from storage.verify import Fault, Problem, verify_audit, verify_blobs, verify_figures, verify_unnamed


def problems(archive: Archive, *, repair: bool = False) -> list[Problem]:
    return [
        *verify_blobs(archive, repair=repair),
        *verify_figures(archive, repair=repair),
        *verify_audit(archive),
    ]


def damage(archive: Archive, key: str, data: bytes) -> None:
    """Other bytes under a key, as a failing disk has them."""
    archive.blobs.delete(key)
    archive.blobs.put(key, [data])


def test_an_archive_that_is_whole(archive: Archive) -> None:
    take_hard_set(archive)
    seen: list[int] = []
    assert list(verify_blobs(archive, progress=seen.append)) == []
    assert sum(seen) == len(index_of(archive)["instance"]) + len(index_of(archive)["held_aside"])
    assert problems(archive) == []
    assert list(verify_unnamed(archive)) == []


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("broken", ["one bit", "a byte less", "a byte more"])
def test_bytes_that_are_not_those_that_were_kept(archive: Archive, broken: str) -> None:
    receipt, other = ct(archive, PatientName="Sentinel^Patient", PatientID="S3NT1N3L"), ct(archive)
    data = archive.blobs.read(receipt.blob_key)
    wrong = {"one bit": flip(data), "a byte less": data[:-1], "a byte more": data + b"\0"}[broken]
    damage(archive, receipt.blob_key, wrong)
    (problem,) = problems(archive)
    assert (problem.fault, problem.mended) == (Fault.CORRUPT, False)
    assert receipt.sop_instance_uid in problem.where
    assert "KASHI" in problem.where
    assert "entinel" not in f"{problem}"
    assert "S3NT1N3L" not in f"{problem}"
    assert archive.blobs.read(receipt.blob_key) == wrong, "without --repair nothing is touched"
    assert archive.blobs.holds(other.blob_key, 1)


def test_a_corrupt_blob_is_set_aside_and_put_right_when_it_is_sent_again(archive: Archive) -> None:
    data = changed(SOPInstanceUID=generate_uid())
    receipt = ingest_file(archive, data, sender(archive, "KASHI"))
    good = archive.blobs.read(receipt.blob_key)
    damage(archive, receipt.blob_key, flip(good))
    (problem,) = problems(archive, repair=True)
    assert (problem.fault, problem.mended) == (Fault.CORRUPT, False)
    assert archive.blobs.read(DAMAGED + receipt.blob_key) == flip(good)
    with pytest.raises(NotFound):
        archive.blobs.read(receipt.blob_key)
    (missing,) = problems(archive, repair=True)
    assert missing.fault is Fault.MISSING
    assert ingest_file(archive, data, sender(archive, "KASHI")).outcome == "DUPLICATE"
    assert archive.blobs.read(receipt.blob_key) == good
    assert problems(archive) == []


def test_a_blob_that_is_gone(archive: Archive) -> None:
    receipts = [ct(archive), ingest_file(archive, aside(ct(archive)), sender(archive, "KASHI"))]
    for receipt in receipts:
        archive.blobs.delete(receipt.blob_key)
    found = problems(archive, repair=True)
    assert [problem.fault for problem in found] == [Fault.MISSING, Fault.MISSING]
    assert not any(problem.mended for problem in found)


def aside(receipt: Receipt) -> bytes:
    """Other content under the identity of what is there."""
    return changed(SOPInstanceUID=receipt.sop_instance_uid, PatientComments="other")


@pytest.mark.parametrize(
    "wrong",
    [{"rows": 1}, {"header": b"unreadable"}, {"layout": None}, {"layout": b"x"}, {"sop_class_uid": "1.2"}],
    ids=str,
)
def test_a_row_that_says_something_else_is_made_to_say_what_the_blob_says(
    archive: Archive, wrong: dict[str, object]
) -> None:
    for _ in range(2):
        ct(archive)
    right = index_of(archive)
    with archive.database.write() as connection:
        connection.execute(update(instance).values(**wrong))
    found = problems(archive)
    assert [(problem.fault, problem.what) for problem in found] == [(Fault.ROW, next(iter(wrong)))] * 2
    assert all(problem.mended for problem in problems(archive, repair=True))
    assert problems(archive) == []
    assert differing(index_of(archive), right) == []


def test_a_row_that_names_another_blob_cannot_be_mended(archive: Archive) -> None:
    first, second = ct(archive), ct(archive)
    with archive.database.write() as connection:
        where = instance.c.blob_key == first.blob_key
        sha256 = second.blob_key[-68:-4]
        connection.execute(update(instance).where(where).values(blob_key=second.blob_key, sha256=sha256))
    (problem,) = problems(archive, repair=True)
    assert (problem.fault, problem.what, problem.mended) == (Fault.ROW, "sop_instance_uid", False)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        (study, {"number_of_study_related_instances": 99}),
        (study, {"received_series": 0}),
        (study, {"modalities_in_study": ""}),
        (study, {"epoch": 0}),
        (series, {"number_of_series_related_instances": 0}),
    ],
    ids=str,
)
def test_figures_that_differ_from_their_rows(
    archive: Archive, table: object, wrong: dict[str, object]
) -> None:
    take_hard_set(archive)
    right = index_of(archive)
    with archive.database.write() as connection:
        connection.execute(update(table).values(**wrong))  # type: ignore[arg-type]
    found = problems(archive)
    assert {problem.fault for problem in found} == {Fault.COUNTS}
    assert next(iter(wrong)) in found[0].what
    assert all(problem.mended for problem in problems(archive, repair=True))
    assert problems(archive) == []
    assert sorted(differing(index_of(archive), right)) == sorted(
        line for line in differing(index_of(archive), right) if "modalities" in line
    ), "but the order in which modalities came"


def test_an_epoch_is_never_lowered(archive: Archive) -> None:
    ct(archive)
    with archive.database.write() as connection:
        connection.execute(update(study).values(epoch=7))
    assert problems(archive, repair=True) == []


def test_a_study_of_one_hospital_about_a_patient_of_another(archive: Archive) -> None:
    ct(archive, "KASHI")
    ct(archive, "AKSU", StudyInstanceUID="1.2.3")
    with archive.database.write() as connection:
        connection.execute(update(patient).where(patient.c.site == "AKSU").values(site="KASHI"))
    (problem,) = problems(archive, repair=True)
    assert (problem.fault, problem.where, problem.mended) == (Fault.LINK, "AKSU study 1.2.3", False)


def test_one_site_alone(archive: Archive) -> None:
    for code in ("KASHI", "AKSU"):
        archive.blobs.delete(ct(archive, code).blob_key)
    assert [problem.where[:4] for problem in verify_blobs(archive, "AKSU")] == ["AKSU"]


def test_blobs_that_no_row_names(archive: Archive) -> None:
    at_once = timedelta(seconds=-2)
    lost = ct(archive)
    with archive.database.write() as connection:
        connection.execute(delete(instance))
    (problem,) = verify_unnamed(archive, grace=at_once)
    assert (problem.fault, problem.where, problem.mended) == (Fault.UNNAMED, lost.blob_key, False)
    (problem,) = verify_unnamed(archive, repair=True, grace=at_once)
    assert problem.mended
    assert list(verify_unnamed(archive, grace=at_once)) == []
    assert all(problem.mended for problem in problems(archive, repair=True)), (
        "the counts of a row that was lost"
    )
    assert problems(archive) == []


def test_the_record_of_acts(archive: Archive) -> None:
    with archive.database.write() as connection:
        for number in range(3):
            audit.append(connection, audit.Act("test", "thing", str(number)))
    assert list(verify_audit(archive)) == []
    with archive.database.write() as connection:
        connection.execute(update(audit.audit).where(audit.audit.c.object_id == "1").values(actor="somebody"))
    (problem,) = verify_audit(archive)
    assert problem.fault is Fault.AUDIT


def test_what_is_held_aside_is_verified_as_well(archive: Archive) -> None:
    receipt = ingest_file(archive, aside(ct(archive)), sender(archive, "KASHI"))
    damage(archive, receipt.blob_key, flip(archive.blobs.read(receipt.blob_key)))
    (problem,) = problems(archive)
    assert problem.fault is Fault.CORRUPT


def test_while_images_come_in_nothing_is_found_wrong_and_nothing_is_made_wrong(archive: Archive) -> None:
    """Counting and correcting beside a sender: the figures it writes meanwhile are neither doubted nor undone."""
    ct(archive)
    ended = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        sending = [pool.submit(lambda: [ct(archive) for _ in range(20)]) for _ in range(2)]
        watching = threading.Thread(target=lambda: (futures.wait(sending), ended.set()))
        watching.start()
        found = []
        while not ended.is_set():
            found += verify_figures(archive, repair=True)
            with archive.database.write() as connection:
                found += ["corrected"] * correct_counts(connection, [1])
        watching.join()
    assert found == []
    assert problems(archive) == []


def test_a_blob_that_the_disk_cannot_read_does_not_stop_the_others(archive: Archive, tmp_path: Path) -> None:
    folder = Archive(
        archive.database, FolderBlobs(tmp_path / "own", reserve=0), tmp_path / "own" / ".incoming"
    )
    bad, gone = ct(folder), ct(folder)
    (tmp_path / "own" / bad.blob_key).unlink()
    (tmp_path / "own" / bad.blob_key).mkdir()  # no file: reading it is an error of the system's
    folder.blobs.delete(gone.blob_key)
    found = list(verify_blobs(folder, repair=True))
    assert [problem.fault for problem in found] == [Fault.UNREADABLE, Fault.MISSING]
    away = Archive(archive.database, FolderBlobs(tmp_path / "own", reserve=1 << 62), folder.incoming)
    with pytest.raises(Unavailable, match="nearly full"):
        list(verify_blobs(away))


def test_what_was_put_right_meanwhile_stays_in_its_place(archive: Archive) -> None:
    """The sender may bring the right bytes again between the look and the repair."""
    keys = [ct(archive).blob_key, ct(archive).blob_key]
    right = {key: archive.blobs.read(key) for key in keys}
    for key in keys:
        damage(archive, key, right[key][:-1])
    found = verify_blobs(archive, repair=True)
    assert next(found).fault is Fault.CORRUPT
    time.sleep(0.5)  # both have been looked at, one has been set aside
    for key in keys:
        archive.blobs.put(key, [right[key]])
    (second,) = found
    assert second.mended
    assert {key: archive.blobs.read(key) for key in keys} == right
    assert problems(archive) == []

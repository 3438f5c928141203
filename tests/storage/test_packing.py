"""A quiet series packed: nothing changes for who reads, nothing is lost whatever happens meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from keeping import (
    changed,
    ct,
    differing,
    document,
    index_of,
    lose_index,
    sender,
    take_together,
)
from pydicom.uid import generate_uid
from sqlalchemy import delete, select, update

from storage.archive import Archive, open_archive
from storage.declarations import keep_declarations
from storage.errors import Corrupt
from storage.ingest import Receipt, ingest_file
from storage.kept_bytes import Piece, kept_chunks, read_many
from storage.leaving import Left, note_left, number_left
from storage.pack_name import is_pack
from storage.packing import LARGE, MANY, MOST, SMALL, groups_of, pack_quiet, pack_series
from storage.reindex import count_blobs, reindex
from storage.repacking import Lying, Steady
from storage.retrieve import StoredInstance, instances, read_file
from storage.sweep import Fate, sweep
from storage.tables import instance
from storage.verify import verify_blobs, verify_unnamed

NOW = timedelta(seconds=-2)


def held(archive: Archive) -> list[StoredInstance]:
    with archive.database.read() as connection:
        return instances(connection)


def blobs_of(archive: Archive) -> set[str]:
    return {one.blob_key for one in held(archive)}


def in_store(archive: Archive) -> set[str]:
    return {info.key for info in archive.blobs.list("KASHI/")}


def left(archive: Archive) -> int:
    with archive.database.read() as connection:
        return number_left(connection)


def sound(archive: Archive) -> bool:
    return not list(verify_blobs(archive)) and not list(verify_unnamed(archive, grace=NOW))


def take_series(archive: Archive, number: int = 4) -> list[Receipt]:
    """Some that came alone and some that came together."""
    alone = [ct(archive, InstanceNumber=n) for n in range(1, number - 1)]
    pair = [changed(SOPInstanceUID=generate_uid(), InstanceNumber=n) for n in (number - 1, number)]
    return [*alone, *take_together(archive, pair)]


def test_a_quiet_series_becomes_one_object(archive: Archive) -> None:
    """Until the sweep both are there, then the pack alone; who began to read before finds it."""
    take_series(archive)
    keep_declarations(archive)
    before, stale = {one.sop_instance_uid: read_file(archive, one) for one in held(archive)}, held(archive)
    assert pack_quiet(archive, timedelta(hours=1)) == 0, "it is not quiet yet"
    assert pack_quiet(archive, NOW) == 4
    assert {is_pack(key) for key in blobs_of(archive)} == {True}
    assert len(blobs_of(archive)) == 1
    offsets = [one.blob_offset for one in held(archive)]
    assert offsets == sorted(offsets), "in reading order"
    assert {one.sop_instance_uid: read_file(archive, one) for one in held(archive)} == before
    assert (pack_quiet(archive, NOW), len(in_store(archive))) == (0, 4)
    assert sweep(archive).fates == {}, "what was left an hour ago, and not before"
    assert len(in_store(archive)) == 4
    assert sweep(archive, grace=NOW).fates == {Fate.REMOVED: 3}
    assert in_store(archive) == blobs_of(archive)
    assert left(archive) == 0
    assert sound(archive)
    for one in stale:
        assert (
            read_file(archive, one)
            == b"".join(kept_chunks(archive.blobs, one))
            == before[one.sop_instance_uid]
        )
    lost = index_of(archive)
    lose_index(archive)
    assert reindex(archive, count_blobs(archive)).recorded == 4
    assert differing(index_of(archive), lost) == []


def test_images_that_come_later_are_packed_by_themselves(archive: Archive) -> None:
    """And what is packed is not packed again, but for small packs, which are brought together."""
    take_series(archive)
    pack_quiet(archive, NOW)
    (first,) = blobs_of(archive)
    ct(archive)
    document(archive, held(archive)[0].study_instance_uid)
    assert pack_quiet(archive, NOW) == 5
    packs = {key for key in blobs_of(archive) if is_pack(key)}
    assert len(packs) == 1
    assert first not in packs
    assert len(blobs_of(archive)) == 2, "the document lies alone"
    sweep(archive, grace=NOW)
    assert sound(archive)


def lying(length: int, blob: str) -> Lying:
    return Lying(instance, 0, None, "", blob, 0, length)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(1, "a")], []),
        ([(1, "a"), (1, "a")], []),
        ([(1, "a"), (1, "b")], [2]),
        (
            [(MOST // 4, "a"), (MOST // 4, "b"), (MOST // 4, "c"), (MOST // 4, "d"), (1, "e"), (2, "f")],
            [4, 2],
        ),
        ([(1, str(number)) for number in range(MANY + 2)], [MANY, 2]),
        ([(LARGE, "a"), (1, "b")], []),
        ([(SMALL // 2, "a"), (SMALL // 2, "a"), (1, "b"), (1, "c")], [2]),
        ([(SMALL // 2, "a"), (SMALL // 2, "a"), (1, "b")], []),
        ([(SMALL, "a"), (SMALL, "b")], [2]),
    ],
    ids=[
        "one",
        "packed",
        "apart",
        "filled up",
        "too many",
        "too large",
        "two late",
        "one late",
        "single files",
    ],
)
def test_what_is_brought_together(sizes: list[tuple[int, str]], expected: list[int]) -> None:
    assert [len(group) for group in groups_of([lying(*one) for one in sizes])] == expected


def test_what_is_damaged_or_gone_stays_where_it_is(archive: Archive) -> None:
    receipts = [ct(archive) for _ in range(4)]
    archive.blobs.delete(receipts[0].blob_key)
    whole = archive.blobs.read(receipts[1].blob_key)
    archive.blobs.delete(receipts[1].blob_key)
    archive.blobs.put(receipts[1].blob_key, [whole[:-1], b"\xff"])
    assert pack_quiet(archive, NOW) == 2
    places = {one.sop_instance_uid: one.blob_key for one in held(archive)}
    assert [is_pack(places[receipt.sop_instance_uid]) for receipt in receipts] == [False, False, True, True]
    assert len(list(verify_blobs(archive))) == 2


def test_who_was_faster_wins(archive: Archive) -> None:
    """Two workers at once, and a row that is moved while its bytes are copied."""
    take_series(archive)
    other = Archive(archive.database, archive.blobs, archive.incoming)
    (row,) = {one_series(archive)}

    def meddle(_count: int) -> None:
        nonlocal meddling
        if meddling:
            meddling = False
            assert pack_series(other, row) == 4

    meddling = True
    assert pack_series(archive, row, meddle) == 0
    assert len(blobs_of(archive)) == 1
    assert len([key for key in in_store(archive) if is_pack(key)]) == 3
    sweep(archive, grace=NOW)
    assert in_store(archive) == blobs_of(archive)
    assert sound(archive)


def one_series(archive: Archive) -> int:
    with archive.database.read() as connection:
        return int(connection.execute(select(instance.c.series)).scalars().first() or 0)


def test_no_row_comes_to_name_a_pack_that_is_being_swept(archive: Archive) -> None:
    """However long its packer was asleep between keeping it and moving the rows."""
    take_series(archive)
    before = blobs_of(archive)
    database = archive.database

    class Sleepy(Archive):
        """Whose store's last word is heard a day later."""

    class Store(type(archive.blobs)):  # type: ignore[misc]
        def settle(self, keys: object) -> None:
            assert sweep(archive, grace=NOW).fates[Fate.REMOVED] == 1

    store = object.__new__(Store)
    store.__dict__.update(archive.blobs.__dict__)
    assert pack_series(Sleepy(database, store, archive.incoming), one_series(archive)) == 0
    assert blobs_of(archive) == before
    assert sound(archive)


def test_a_mostly_dead_pack_is_made_anew(archive: Archive) -> None:
    """Also for what was held aside."""
    first = ct(archive)
    files = [changed(SOPInstanceUID=generate_uid()) for _ in range(4)]
    aside = changed(SOPInstanceUID=first.sop_instance_uid, PatientComments="other content")
    receipts = take_together(archive, [*files, aside])
    gone = [receipt.sop_instance_uid for receipt in receipts[:3]]
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.sop_instance_uid.in_(gone)))
    for data in files[:3]:
        ingest_file(archive, data, sender(archive, "KASHI"))
    with archive.database.write() as connection:
        note_left(connection, [Left(receipts[0].blob_key)])
    for _ in range(2):  # it is left by the first, and goes by the second
        assert receipts[0].blob_key in in_store(archive)
        sweep(archive, grace=NOW)
    assert receipts[0].blob_key not in in_store(archive)
    assert len([key for key in in_store(archive) if is_pack(key)]) == 1
    keep_declarations(archive)
    lost = index_of(archive)
    assert [is_pack(str(row["blob_key"])) for row in lost["held_aside"]] == [True]
    assert sound(archive)


def test_a_database_from_before_packing_finds_its_images_again(archive: Archive) -> None:
    """A backup is restored; what its rows name was swept since."""
    take_series(archive)
    keep_declarations(archive)
    old = {one.id: one.blob_key for one in held(archive)}
    offsets = {one.id: one.blob_offset for one in held(archive)}
    pack_quiet(archive, NOW)
    sweep(archive, grace=NOW)
    with archive.database.write() as connection:
        for number, key in old.items():
            values = {"blob_key": key, "blob_offset": offsets[number]}
            connection.execute(update(instance).where(instance.c.id == number).values(**values))
    with pytest.raises(Corrupt):
        read_file(archive, held(archive)[0])
    assert reindex(archive, count_blobs(archive)).corrected == 4
    assert len(blobs_of(archive)) == 1
    assert sound(archive)


def test_frames_that_lie_near_each_other_are_read_at_once(archive: Archive) -> None:
    take_series(archive)
    pack_quiet(archive, NOW)
    loose = ct(archive, SeriesInstanceUID=generate_uid())
    found = held(archive)
    pieces = [Piece(one, 10, 300) for one in found] + [Piece(found[1], 0, 5)]
    asked: list[str] = []
    read = archive.blobs.read

    def listening(key: str, offset: int = 0, length: int | None = None) -> bytes:
        asked.append(key)
        return read(key, offset, length)

    archive.blobs.read = listening  # type: ignore[method-assign]
    assert list(read_many(archive.blobs, pieces)) == [
        *(read_file(archive, one)[10:310] for one in found),
        read_file(archive, found[1])[:5],
    ]
    runs = asked[: -len(found) - 1]
    del archive.blobs.read
    assert len(runs) == len(asked) - len(found) - 1 == 3
    assert runs.count(loose.blob_key) == 1
    assert len(list(read_many(archive.blobs, pieces, near=0))) == len(pieces)


def test_the_pace_is_kept() -> None:
    pace, begun = Steady(1e6), time.monotonic()
    for _ in range(5):
        pace(20_000)
    assert 0.09 < time.monotonic() - begun < 5


KILLED = """
import os, sys
from datetime import timedelta
from pathlib import Path
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.database import Database
from storage.packing import pack_quiet

folder = Path(sys.argv[1])
step = 0


def reached():
    global step
    step -= 1
    if step < 0:
        os.kill(os.getpid(), 9)


class Blobs(FolderBlobs):
    def keep(self, key, spool):
        reached()
        super().keep(key, spool)
        reached()

    def settle(self, keys):
        super().settle(keys)
        reached()


class Index(Database):
    def write(self):
        return Dying(super().write())


class Dying:
    def __init__(self, found):
        self.found = found

    def __enter__(self):
        return self.found.__enter__()

    def __exit__(self, *why):
        reached()
        self.found.__exit__(*why)
        reached()


def pack():
    archive = Archive(Index(f"sqlite:///{folder / 'farlight.db'}"), Blobs(folder / "blobs"), folder / "blobs/.incoming")
    pack_quiet(archive, timedelta(seconds=-2), pace=lambda _: reached())
    archive.close()


for line in sys.stdin:
    step = int(line)
    if (child := os.fork()) == 0:
        pack()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_packer_killed_at_any_step_loses_nothing(tmp_path: Path, prepared_database: Path) -> None:
    """At every step in turn; what it leaves is an unnamed pack, and the next one brings it to an end."""
    shutil.copy(prepared_database, tmp_path / "farlight.db")
    archive = open_archive(f"sqlite:///{tmp_path / 'farlight.db'}", f"file://{tmp_path / 'blobs'}", tmp_path)
    take_series(archive)
    content = {one.sop_instance_uid: read_file(archive, one) for one in held(archive)}
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as packer:
        steps = 0
        while _killed_at(packer, steps):
            assert {one.sop_instance_uid: read_file(archive, one) for one in held(archive)} == content
            assert list(verify_blobs(archive)) == []
            steps += 1
        packer.stdin.close()  # type: ignore[union-attr]
    assert steps > 5
    sweep(archive, grace=NOW, everything=True)
    assert in_store(archive) == blobs_of(archive)
    assert len(blobs_of(archive)) == 1
    assert sound(archive)
    archive.close()


def _killed_at(packer: subprocess.Popen[str], step: int) -> bool:
    """Whether the packer came to this step, where it was killed."""
    assert packer.stdin is not None
    assert packer.stdout is not None
    packer.stdin.write(f"{step}\n")
    packer.stdin.flush()
    code = int(packer.stdout.readline())
    assert code in (0, -9)
    return code != 0

"""Several instances in one blob: whatever reads, sweeps, verifies or rebuilds sees them as if each lay alone."""

from __future__ import annotations

import hashlib
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from keeping import (
    changed,
    ct,
    differing,
    document,
    encoded,
    file_bytes,
    gbk_without_charset,
    index_of,
    lose_index,
    sender,
    take_together,
)
from pydicom import dcmread
from pydicom.uid import generate_uid
from sqlalchemy import delete, select, update

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.damage import DAMAGED
from storage.declarations import keep_declarations
from storage.errors import Corrupt, Invalid
from storage.ingest import Outcome, Receipt, ingest_file
from storage.pack import Content, Pack, read_table
from storage.pack_name import PackName, is_pack, parse_key
from storage.reindex import count_blobs, reindex
from storage.retrieve import (
    StoredInstance,
    first_instance,
    instances,
    read_dataset_bytes,
    read_file,
    read_frame,
)
from storage.spool import Spool
from storage.sweep import Fate, sweep
from storage.tables import held_aside, instance
from storage.verify import Fault, Problem, verify_blobs, verify_unnamed

AT_ONCE = timedelta(seconds=-2)


def new(number: int = 3) -> list[bytes]:
    return [changed(SOPInstanceUID=generate_uid(), InstanceNumber=each) for each in range(number)]


def keys(archive: Archive) -> set[str]:
    return {info.key for info in archive.blobs.list("KASHI/")}


def found(archive: Archive, receipt: Receipt) -> StoredInstance:
    with archive.database.read() as connection:
        one = first_instance(connection, instance.c.sop_instance_uid == receipt.sop_instance_uid)
    assert one is not None
    return one


def problems(archive: Archive, *, repair: bool = False) -> list[Problem]:
    return list(verify_blobs(archive, repair=repair))


def overwrite(archive: Archive, key: str, offset: int, data: bytes) -> None:
    """What a disk does to a blob."""
    whole = bytearray(archive.blobs.read(key))
    whole[offset : offset + len(data)] = data
    archive.blobs.delete(key)
    archive.blobs.put(key, [bytes(whole)])


def test_any_tar_finds_the_single_files_and_any_tool_their_hashes(archive: Archive) -> None:
    """The way out where nothing of ours runs any more."""
    name = BlobName.of("K", "received", datetime.now(UTC), "远" * 14, "0" * 64)
    long = Pack.plan([Content(name, "1.2.3", 3)], datetime.now(UTC))
    assert len(long.members[0].name.key) > 200
    receipts = take_together(archive, new())
    (key,) = {receipt.blob_key for receipt in receipts}
    with tarfile.open(fileobj=BytesIO(archive.blobs.read(key))) as tar:
        table, *members = tar.getmembers()
        assert table.name == f"packs/{PackName.parse(key).sha256}.txt"
        assert [tar.extractfile(one).read() for one in members] == [  # type: ignore[union-attr]
            archive.blobs.read(receipt.blob_key, receipt.blob_offset, one.size)
            for one, receipt in zip(members, receipts, strict=True)
        ]
        for one in members:
            content = tar.extractfile(one).read()  # type: ignore[union-attr]
            assert BlobName.parse(one.name).sha256 == hashlib.sha256(content).hexdigest()
    with archive.spool() as spool:
        long.write(spool, [[b"a", b"bc"]])
        with spool.view() as view, tarfile.open(fileobj=BytesIO(view.tobytes())) as tar:
            assert tar.getnames()[1] == long.members[0].name.key
            assert view[long.members[0].blob_offset :][:3] == b"abc"


def test_a_pack_is_read_like_single_files(archive: Archive) -> None:
    names = (
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "image_dfl.dcm",
        "SC_rgb_rle_2frame.dcm",
    )
    files = [file_bytes(name) for name in names]
    packed = take_together(archive, files)
    assert len({receipt.blob_key for receipt in packed}) == 1
    assert len({receipt.blob_offset for receipt in packed}) == len(names)
    alone = [ingest_file(archive, data, sender(archive, "AKSU")) for data in files]
    for one, other in zip(packed, alone, strict=True):
        with archive.database.read() as connection:
            both = instances(connection, instance.c.sop_instance_uid == one.sop_instance_uid)
        assert {each.blob_key for each in both} == {one.blob_key, other.blob_key}
        for read in (read_file, read_dataset_bytes, lambda where, each: read_frame(where, each, 1)):
            first, second = (read(archive, each) for each in both)
            assert first == second
        assert both[0].header(archive) == both[1].header(archive)
    assert problems(archive) == []


def test_the_index_is_made_again_from_packs_and_single_files_in_the_order_of_arrival(
    archive: Archive,
) -> None:
    """Contradictions on both sides of a pack, another pack's instances between, two hospitals, our own documents."""
    first, second, third = new()
    other = encoded(_with(first, PatientComments="other content"))
    take_together(archive, [first, second, first, other])
    ingest_file(archive, encoded(_with(second, PatientComments="later")), sender(archive, "KASHI"))
    take_together(archive, [third, encoded(_with(third, PatientComments="later")), gbk_without_charset()])
    take_together(archive, [first, second], "AKSU")
    document(archive, ct(archive).study_instance_uid)
    keep_declarations(archive)
    lost = index_of(archive)
    assert len(lost["held_aside"]) == 3
    assert {is_pack(str(row["blob_key"])) for row in lost["held_aside"]} == {True, False}
    lose_index(archive)
    counts = count_blobs(archive)
    done = reindex(archive, counts)
    assert (done.blobs, done.left) == (sum(counts.values()), [])
    assert done.recorded == len(lost["instance"]) + len(lost["held_aside"])
    assert differing(index_of(archive), lost) == []
    assert (reindex(archive, counts).recorded, problems(archive)) == (0, [])


def _with(data: bytes, **values: object) -> object:
    dataset = dcmread(BytesIO(data))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@contextmanager
def busy(archive: Archive) -> Iterator[None]:
    """While this lasts nobody's bytes are kept, so that what comes meanwhile waits and is kept together."""
    over, keep = threading.Event(), archive.blobs.keep

    def wait_and_keep(key: str, spool: Spool) -> None:
        over.wait(20)
        keep(key, spool)

    archive.blobs.keep = wait_and_keep  # type: ignore[method-assign]
    yield
    time.sleep(0.3)
    del archive.blobs.keep
    over.set()


@pytest.mark.parametrize("number", [1, 5])
def test_what_comes_while_others_are_kept_shares_a_blob(archive: Archive, number: int) -> None:
    """And if all of it was known already, nothing is left of the blob."""
    files = new(number)

    def send_all() -> list[Receipt]:
        with ThreadPoolExecutor(number + 1) as threads:
            started = threading.Barrier(number + 1)
            with busy(archive):
                first = threads.submit(ingest_file, archive, changed(SOPInstanceUID=generate_uid()), own)
                time.sleep(0.1)
                sent = [threads.submit(_send, started, archive, data, own) for data in files]
                started.wait(10)
            first.result(20)
            return [one.result(20) for one in sent]

    own = sender(archive, "KASHI")
    receipts = send_all()
    assert {is_pack(receipt.blob_key) for receipt in receipts} == {number > 1}
    assert len({receipt.blob_key for receipt in receipts}) == 1
    before = keys(archive)
    again = send_all()
    assert {receipt.outcome for receipt in again} == {Outcome.DUPLICATE}
    assert [(one.blob_key, one.blob_offset) for one in again] == [
        (r.blob_key, r.blob_offset) for r in receipts
    ]
    assert len(keys(archive)) == len(before) + 1, "only the one that was sent to keep others waiting is new"


def _send(started: threading.Barrier, archive: Archive, data: bytes, own: object) -> Receipt:
    started.wait(10)
    return ingest_file(archive, data, own)  # type: ignore[arg-type]


def test_a_pack_that_nobody_names_is_swept_like_a_single_file(archive: Archive) -> None:
    ct(archive)
    files = new()
    remains = {receipt.blob_key for receipt in take_together(archive, files)}
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.blob_key.in_(remains)))
    assert sweep(archive).looked_at == 0, "it is young"
    assert sweep(archive, grace=AT_ONCE).fates == {Fate.TAKEN_IN: 1}
    assert problems(archive) == []
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.blob_key.in_(remains)))
    for data in files[1:]:
        ingest_file(archive, data, sender(archive, "KASHI"))
    assert sweep(archive, grace=AT_ONCE).fates == {Fate.TAKEN_IN: 1}, "one of three was not sent again"
    assert remains <= keys(archive)
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.blob_key.in_(remains)))
    ingest_file(archive, files[0], sender(archive, "KASHI"))
    assert sweep(archive, grace=AT_ONCE).fates == {Fate.REMOVED: 1}
    assert not remains & keys(archive)
    assert list(verify_unnamed(archive, grace=AT_ONCE)) == []


def test_a_pack_stays_for_the_one_row_that_names_it(archive: Archive) -> None:
    """Also for one that was held aside."""
    first = ct(archive)
    contradicting = changed(SOPInstanceUID=first.sop_instance_uid, PatientComments="other content")
    kept, aside = take_together(archive, [*new(1), contradicting])
    assert aside.outcome is Outcome.HELD_ASIDE
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.sop_instance_uid == kept.sop_instance_uid))
        row = connection.execute(select(held_aside)).one()
    assert (row.blob_key, row.blob_offset) == (aside.blob_key, aside.blob_offset)
    assert sweep(archive, grace=AT_ONCE, everything=True).unnamed == 0
    assert aside.blob_key in keys(archive)
    assert problems(archive) == []


@pytest.mark.parametrize("how", ["damaged", "gone", "cut off"])
def test_what_a_pack_lost_is_put_back_beside_it(archive: Archive, how: str) -> None:
    files = new()
    receipts = take_together(archive, files)
    victim = receipts[2]
    before = found(archive, victim)
    if how == "damaged":
        overwrite(archive, victim.blob_key, victim.blob_offset + 1000, b"\xff\x00\xff")
    elif how == "gone":
        archive.blobs.delete(victim.blob_key)
    else:
        rest = archive.blobs.read(victim.blob_key, 0, victim.blob_offset + 700)
        archive.blobs.delete(victim.blob_key)
        archive.blobs.put(victim.blob_key, [rest])
    reported = problems(archive, repair=True)
    lost = receipts if how == "gone" else [victim]
    assert [problem.fault for problem in reported] == [
        Fault.MISSING if how == "gone" else Fault.CORRUPT
    ] * len(lost)
    with pytest.raises(Corrupt):
        read_file(archive, found(archive, victim))
    if how != "gone":
        assert any(info.key.startswith(DAMAGED) for info in archive.blobs.list())
        assert read_file(archive, found(archive, receipts[0]))
    for data in files:
        assert ingest_file(archive, data, sender(archive, "KASHI")).outcome is Outcome.DUPLICATE
    after = found(archive, victim)
    assert not is_pack(after.blob_key)
    assert problems(archive) == []
    assert replace(after, blob_key="", blob_offset=0) == replace(before, blob_key="", blob_offset=0)
    name = BlobName.parse(after.blob_key)
    assert name.again, "no row ever named this key before, so that no sweep can be at it"
    assert sweep(archive, grace=AT_ONCE, everything=True).fates[Fate.LEFT] == 0
    assert problems(archive) == []


def test_a_pack_whose_table_is_damaged_is_taken_apart(archive: Archive) -> None:
    """Nobody could make the index again from it."""
    receipts = take_together(archive, new())
    overwrite(archive, receipts[0].blob_key, 520, b"9")
    assert [problem.fault for problem in problems(archive)] == [Fault.PACK] * 3
    left = reindex(archive, count_blobs(archive)).left
    assert [why for _, why in left] == ["a pack's table is not what was written"]
    assert all(problem.mended for problem in problems(archive, repair=True))
    assert problems(archive) == []
    assert not any(is_pack(found(archive, receipt).blob_key) for receipt in receipts)


def test_a_row_that_contradicts_its_pack_is_told(archive: Archive) -> None:
    first, second = take_together(archive, new(2))
    with archive.database.write() as connection:
        where = instance.c.sop_instance_uid == first.sop_instance_uid
        connection.execute(update(instance).where(where).values(blob_offset=second.blob_offset))
    assert [problem.fault for problem in problems(archive)] == [Fault.CORRUPT]
    with archive.database.write() as connection:
        connection.execute(
            update(instance).where(where).values(blob_offset=first.blob_offset, sender="NOBODY")
        )
    (problem,) = problems(archive, repair=True)
    assert (problem.fault, problem.what, problem.mended) == (Fault.ROW, "sender", True)
    assert problems(archive) == []


def test_the_table_says_where_everything_lies(archive: Archive) -> None:
    receipts = take_together(archive, new())
    members = read_table(archive.blobs, PackName.parse(receipts[0].blob_key))
    assert [(one.blob_key, one.blob_offset) for one in members] == [
        (receipt.blob_key, receipt.blob_offset) for receipt in receipts
    ]


@pytest.mark.parametrize(
    "key",
    [
        "K/received/2026-01-01/000000000000-20260101000000000000-2-" + "0" * 63 + ".tar",
        "K/received/2026-01-01/000000000000-20261301000000000000-2-" + "0" * 64 + ".tar",
        "K/received/2026-01-41/000000000000-20260101000000000000-2-" + "0" * 64 + ".tar",
        "K/other/2026-01-01/000000000000-20260101000000000000-2-" + "0" * 64 + ".tar",
        "K/received/2026-01-01/000000000000-X-" + "0" * 64 + "~12.dcm",
        "K/notes.txt",
    ],
)
def test_other_keys_are_no_packs(key: str) -> None:
    with pytest.raises(Invalid):
        parse_key(key)

"""Bytes on their way in: hashed, without a name, and refused before the disk is full."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import storage.spool
from storage.blobs import FolderBlobs
from storage.errors import Unavailable
from storage.spool import Spool

MIB = 1 << 20


@pytest.mark.parametrize(
    "pieces", [[], [b"x"], [b"ab", bytearray(b"c"), memoryview(b"de")], [os.urandom(MIB)] * 9]
)
def test_what_was_written_is_seen_and_hashed(tmp_path: Path, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    with Spool(tmp_path) as spool:
        for piece in pieces:
            spool.write(piece)
        assert (spool.size, spool.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        with spool.view() as view:
            assert view == whole
        assert list(tmp_path.iterdir()) == [], "it has no name"
    assert spool.closed


def test_it_may_grow_after_it_was_looked_at(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        for _ in range(2):
            spool.write(b"x" * 100_000)
            with spool.view() as view:
                assert len(view) == spool.size
        assert spool.sha256 == hashlib.sha256(b"x" * 200_000).hexdigest()


def test_an_error_that_holds_a_slice_is_told_as_it_is(tmp_path: Path) -> None:
    def fail(view: memoryview) -> None:
        part = view[5:50]
        raise ZeroDivisionError(len(part))

    with Spool(tmp_path) as spool:
        spool.write(b"x" * 100_000)
        with pytest.raises(ZeroDivisionError), spool.view() as view:
            fail(view)


def test_a_nearly_full_disk_takes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nearly full"):
        Spool(tmp_path, reserve=1 << 60)


def test_the_room_is_looked_at_while_it_grows(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.reserve = 1 << 60
        spool.write(b"x")
        with pytest.raises(Unavailable, match="nearly full"):
            spool.write(b"x" * MIB)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Spool(tmp_path / "nowhere")


def test_a_file_system_without_unnamed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.spool, "_UNNAMED", 0)
    blobs = FolderBlobs(tmp_path)
    with Spool(blobs.incoming) as spool:
        spool.write(b"content" * 50_000)
        assert len(list(blobs.incoming.iterdir())) == 1
        assert list(blobs.list()) == []
        blobs.keep("A/1", spool)
    assert list(blobs.incoming.iterdir()) == []
    assert blobs.read("A/1") == b"content" * 50_000


def test_what_a_crash_left_where_files_need_names_is_removed_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.spool, "_UNNAMED", 0)
    blobs = FolderBlobs(tmp_path)
    with Spool(blobs.incoming) as living:
        (blobs.incoming / "left").touch()
        os.utime(blobs.incoming / "left", (0, 0))
        blobs.clear_aside()
        assert [Path(living.source)] == list(blobs.incoming.iterdir())

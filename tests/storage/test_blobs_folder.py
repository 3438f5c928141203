"""Blobs in a folder: in which order bytes and names become durable, and where they come from."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.blobs import FolderBlobs
from storage.errors import Unavailable
from storage.spool import Spool


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system is asked to make durable, and when a name is given."""
    seen: list[str] = []
    sync_data, sync, link = os.fdatasync, os.fsync, os.link

    def watch_data(descriptor: int) -> None:
        seen.append("contents")
        sync_data(descriptor)

    def watch_sync(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def watch_link(source: str, name: str, **options: int) -> None:
        link(source, name, **options)
        seen.append(f"named {name}")

    monkeypatch.setattr(os, "fdatasync", watch_data)
    monkeypatch.setattr(os, "fsync", watch_sync)
    monkeypatch.setattr(os, "link", watch_link)
    return seen


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_contents_then_name_then_folders(blobs: FolderBlobs, calls: list[str]) -> None:
    with Spool(blobs.incoming) as spool:
        spool.write(b"content")
        blobs.keep("A/b/1", spool)
        assert calls == ["contents", "named 1"]
        blobs.settle(["A/b/1"])
        assert calls[2:] == ["b", "A", "blobs"], "the parents of a new folder too"


def test_a_folder_is_settled_once_for_many(blobs: FolderBlobs, calls: list[str]) -> None:
    blobs.put("A/b/0", [b""])
    calls.clear()
    blobs.settle([f"A/b/{n}" for n in range(50)])
    assert calls == ["b"]


def test_a_folder_that_was_removed_is_new_again(blobs: FolderBlobs, calls: list[str]) -> None:
    blobs.put("A/b/1", [b"1"])
    blobs.delete("A/b/1")
    (blobs.root / "A/b").rmdir()
    calls.clear()
    blobs.put("A/b/2", [b"2"])
    assert calls == ["contents", "named 2", "b", "A", "blobs"]


def test_from_another_file_system_bytes_are_copied(
    blobs: FolderBlobs, elsewhere: Path, calls: list[str]
) -> None:
    content = os.urandom(3 << 20)
    assert elsewhere.stat().st_dev != blobs.root.stat().st_dev
    with Spool(elsewhere) as spool:
        spool.write(content)
        blobs.keep("A/1", spool)
    assert blobs.read("A/1") == content
    assert calls[-2:] == ["contents", "named 1"], "the copy is durable before it has the name"
    assert list(blobs.incoming.iterdir()) == []


def test_a_damaged_blob_is_replaced(blobs: FolderBlobs) -> None:
    blobs.put("A/1", [b"whole"])
    with Spool(blobs.incoming) as spool:
        spool.write(b"whole")
        (blobs.root / "A/1").write_bytes(b"who")
        blobs.keep("A/1", spool)
        blobs.keep("A/1", spool)
    assert blobs.read("A/1") == b"whole"
    assert list(blobs.incoming.iterdir()) == []


def test_what_arrives_is_not_listed(blobs: FolderBlobs) -> None:
    blobs.put("A/1", [b"1"])
    (blobs.incoming / "arriving").touch()
    assert [info.key for info in blobs.list()] == ["A/1"]


def test_a_folder_that_cannot_be_written_is_unavailable(blobs: FolderBlobs) -> None:
    (blobs.root / "A").write_bytes(b"a file where a folder should be")
    with pytest.raises(Unavailable):
        blobs.put("A/1", [b"1"])
    with Spool(blobs.incoming) as spool:
        blobs.reserve = 1 << 60
        with pytest.raises(Unavailable, match="nearly full"):
            blobs.keep("B/1", spool)
    with pytest.raises(Unavailable, match="nearly full"):
        blobs.check()

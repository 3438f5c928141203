"""What every blob store does alike: a folder, and a bucket of a real S3 server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from servers.s3 import ACCESS_KEY, SECRET_KEY, shared_server

from storage.archive import open_blobs
from storage.blobs import BlobStore, FolderBlobs, S3Keys
from storage.errors import Corrupt, Invalid, NotFound
from storage.spool import Spool

KEY = "KASHI/received/2026-03-01/101500000000-CT%20ONE-0123456789abcdef.dcm"
CONTENT = bytes(range(256)) * 1200  # 300 KiB
LARGE = 20 << 20  # more than two parts in a bucket
_buckets = count(1)


@pytest.fixture(params=["folder", "bucket", "part of a bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    """An empty store of each kind."""
    if request.param == "folder":
        yield FolderBlobs(tmp_path / "blobs")
        return
    prefix = "some/where" if "part" in request.param else ""
    url = shared_server().url(f"contract-{os.getpid()}-{next(_buckets)}", prefix)
    opened = open_blobs(url, S3Keys(ACCESS_KEY, SECRET_KEY))
    opened.check()
    yield opened


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def incoming(blobs: BlobStore, tmp_path: Path) -> Path:
    """Where spools for this store lie: a folder store names them, and cannot across file systems."""
    folder = blobs.incoming if isinstance(blobs, FolderBlobs) else tmp_path / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_what_was_put_is_read_whole_and_in_ranges(blobs: BlobStore) -> None:
    blobs.put(KEY, [CONTENT[:1000], b"", CONTENT[1000:]])
    assert blobs.read(KEY) == CONTENT
    assert blobs.read(KEY, 7) == CONTENT[7:]
    assert blobs.read(KEY, 0, 1) == CONTENT[:1]
    assert blobs.read(KEY, 1000, 5000) == CONTENT[1000:6000]
    assert blobs.read(KEY, len(CONTENT) - 1, 1) == CONTENT[-1:]
    assert blobs.read(KEY, 5, 0) == b""
    assert b"".join(blobs.chunks(KEY, 3, 299_000)) == CONTENT[3:299_003]
    assert b"".join(blobs.chunks(KEY)) == CONTENT


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (5, 6), (10, 1), (11, 1), (500, 10)])
def test_a_range_beyond_the_end_is_corrupt(blobs: BlobStore, offset: int, length: int) -> None:
    blobs.put(KEY, [b"0123456789"])
    with pytest.raises(Corrupt):
        blobs.read(KEY, offset, length)
    with pytest.raises(Corrupt):
        list(blobs.chunks(KEY, offset, length))


def test_what_follows_the_end_is_nothing(blobs: BlobStore) -> None:
    blobs.put(KEY, [b"0123456789"])
    assert blobs.read(KEY, 10) == b""
    assert blobs.read(KEY, 99) == b""
    assert list(blobs.chunks(KEY, 10)) == []


@pytest.mark.parametrize(("offset", "length"), [(0, None), (3, None), (0, 5), (3, 5), (0, 0)])
def test_an_absent_blob_is_not_found(blobs: BlobStore, offset: int, length: int | None) -> None:
    with pytest.raises(NotFound):
        blobs.read(KEY, offset, length)
    with pytest.raises(NotFound):
        list(blobs.chunks(KEY, offset, length))


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_blob_may_be_copied_within_its_store(blobs: BlobStore, size: int) -> None:
    blobs.put(KEY, [bytes(size)])
    blobs.put(f"damaged/{KEY}", blobs.chunks(KEY))
    assert blobs.read(f"damaged/{KEY}") == bytes(size)


def test_an_empty_blob_is_there(blobs: BlobStore) -> None:
    blobs.put(KEY, [])
    assert blobs.read(KEY) == b""
    assert blobs.read(KEY, 0, 0) == b""
    assert [info.size for info in blobs.list()] == [0]


def test_a_store_holds_what_was_put_and_nothing_else(blobs: BlobStore) -> None:
    assert not blobs.holds(KEY, 0)
    blobs.put(KEY, [b"0123456789"])
    assert blobs.holds(KEY, 0)
    assert blobs.holds(KEY, 10)
    assert not blobs.holds(KEY, 11)
    assert not blobs.holds("KASHI/received", 0)


def test_putting_again_and_deleting_twice_are_harmless(blobs: BlobStore) -> None:
    for _ in range(2):
        blobs.put(KEY, [CONTENT])
    assert blobs.read(KEY) == CONTENT
    for _ in range(2):
        blobs.delete(KEY)
    assert not blobs.holds(KEY, 0)


@pytest.mark.parametrize("size", [0, 1, len(CONTENT), LARGE + 1])
def test_a_spool_is_kept_and_stays_open(blobs: BlobStore, tmp_path: Path, size: int) -> None:
    with Spool(incoming(blobs, tmp_path), reserve=0) as spool:
        for at in range(0, size, len(CONTENT)):
            spool.write(CONTENT[: size - at])
        assert spool.size == size
        blobs.keep(KEY, spool)
        blobs.settle([KEY])
        digest = hashlib.sha256()
        for piece in blobs.chunks(KEY):
            digest.update(piece)
        assert digest.hexdigest() == spool.sha256
        blobs.keep(KEY, spool)
        with spool.view() as seen:
            assert len(seen) == size
    assert blobs.holds(KEY, size)
    assert not blobs.holds(KEY, size + 1)


def test_pieces_of_unknown_sum_are_kept(blobs: BlobStore) -> None:
    pieces = [bytes([number]) * 700_001 for number in range(30)]
    blobs.put(KEY, iter(pieces))
    digest, wanted = hashlib.sha256(), hashlib.sha256(b"".join(pieces))
    for piece in blobs.chunks(KEY):
        digest.update(piece)
    assert digest.digest() == wanted.digest()
    assert blobs.read(KEY, 9_000_000, 10) == b"".join(pieces)[9_000_000:9_000_010]


@pytest.mark.parametrize("size", [1000, 20 << 20])
def test_of_what_breaks_off_nothing_is_kept(blobs: BlobStore, size: int) -> None:
    def broken() -> Iterator[bytes]:
        for _ in range(0, size, 1000):
            yield bytes(1000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.put(KEY, broken())
    assert not blobs.holds(KEY, 0)
    assert list(blobs.list()) == []


def test_what_lies_below_a_prefix_is_listed_in_the_order_of_keys(blobs: BlobStore) -> None:
    keys = ["A/a-1", "A/a/1", "A/a/10", "A/a/2", "A/a0", "A/ab/3", "A/é", "A/喀", "A/𠮷", "AB/a/4"]
    for key in (*keys[::2], *keys[1::2]):
        blobs.put(key, [key.encode()])
    assert [info.key for info in blobs.list()] == keys
    assert [info.key for info in blobs.list("A/")] == keys[:-1]
    assert [info.key for info in blobs.list("A/a/")] == ["A/a/1", "A/a/10", "A/a/2"]
    assert list(blobs.list("KASHI/nothing/")) == []


def test_a_list_tells_size_and_time(blobs: BlobStore) -> None:
    blobs.put(KEY, [CONTENT])
    (info,) = blobs.list("KASHI/")
    assert (info.key, info.size) == (KEY, len(CONTENT))
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_names_come_back_as_they_were(blobs: BlobStore) -> None:
    keys = {"a/b c", "a/b+c", "a/b%20c", "a/喀什", "a/b&c=d?e#f", "a/~b!('*')", "a/b..c"}
    for key in keys:
        blobs.put(key, [key.encode()])
    assert {info.key for info in blobs.list()} == keys
    for key in keys:
        assert blobs.read(key) == key.encode()


@pytest.mark.parametrize("key", ["/etc/passwd", "../a", "a/../b", ".aside/a", ".farlight/a", "."])
def test_a_key_leads_nowhere_else(blobs: BlobStore, key: str) -> None:
    for attempt in (lambda: blobs.put(key, [b""]), lambda: blobs.read(key), lambda: blobs.delete(key)):
        with pytest.raises(Invalid):
            attempt()


def test_a_reader_may_stop_early(blobs: BlobStore) -> None:
    blobs.put(KEY, [bytes(1 << 20)] * 4)
    next(blobs.chunks(KEY)), next(blobs.chunks(KEY, 5))
    before = _open_files()
    for _ in range(20):
        pieces = blobs.chunks(KEY)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # a generator
    assert _open_files() <= before
    assert blobs.read(KEY, 0, 5) == bytes(5)


def test_many_threads_at_once(blobs: BlobStore, tmp_path: Path) -> None:
    folder = incoming(blobs, tmp_path)

    def there_and_back(number: int) -> bool:
        content, key = number.to_bytes(4, "big") * 5000, f"KASHI/{number % 3}/{number}"
        with Spool(folder, reserve=0) as spool:
            spool.write(content)
            blobs.keep(key, spool)
            blobs.settle([key])
        return blobs.read(key) == content and blobs.read(key, 8, 4) == content[:4]

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(there_and_back, range(60)))
    assert len(list(blobs.list())) == 60


def test_a_store_that_is_well_says_so_and_keeps_nothing_of_it(blobs: BlobStore) -> None:
    blobs.check()
    blobs.check()
    assert list(blobs.list()) == []

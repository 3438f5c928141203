"""What only a bucket has: a server that hangs, dies, refuses or lies, and a line that breaks."""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest
from servers.bad_link import BadLink, Harm
from servers.s3 import ACCESS_KEY, KMS_KEY, SECRET_KEY, S3Server, shared_server

from storage.blobs import S3Keys
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_address import parse_s3_url
from storage.errors import NotFound, Unavailable

KEYS = S3Keys(ACCESS_KEY, SECRET_KEY)
KEY = "KASHI/received/one.dcm"
PART = 5 << 20
PATIENCE_S = 3.0
LIMIT_S = 2 * PATIENCE_S + 3
"""Twice the patience, and something for a busy machine."""
_buckets = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server of these tests' own, since they stop it."""
    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def bucket() -> str:
    return f"bucket-{os.getpid()}-{next(_buckets)}"


def opened(url: str, keys: S3Keys = KEYS, patience_s: float = PATIENCE_S) -> S3Blobs:
    return S3Blobs(parse_s3_url(url), keys, patience_s=patience_s, part_size=PART)


@pytest.fixture
def blobs(server: S3Server, bucket: str) -> S3Blobs:
    """An empty bucket on the server that may be stopped."""
    opened(server.url(bucket), patience_s=30).check()
    return opened(server.url(bucket))


@contextmanager
def through(bucket: str, *, upward: Harm | None = None, downward: Harm | None = None) -> Iterator[S3Blobs]:
    """An empty bucket behind a line that may do harm from now on."""
    opened(shared_server().url(bucket)).check()
    with BadLink(shared_server().port, upward=upward, downward=downward) as link:
        yield opened(f"s3://{bucket}?endpoint=http://127.0.0.1:{link.port}")


def refusal(call: Callable[[], object], within_s: float = LIMIT_S) -> str:
    """The message of the `Unavailable` that must come in time."""
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        call()
    assert time.monotonic() - began < within_s
    return caught.value.message


def parts(number: int) -> Iterator[bytes]:
    for _ in range(number):
        yield bytes(PART)


# --- refusals at the start, each naming what to set ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (S3Keys("nobody", SECRET_KEY), "FARLIGHT_S3_ACCESS_KEY"),
        (S3Keys(ACCESS_KEY, "no-such-secret"), "FARLIGHT_S3_SECRET_KEY"),
    ],
)
def test_wrong_keys_are_named_and_never_shown(
    keys: S3Keys, named: str, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = refusal(opened(shared_server().url(bucket), keys).check)
    assert named in said
    assert keys.access not in said + caplog.text
    assert keys.secret not in said + caplog.text


def test_clocks_that_differ_are_named(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minio.time.utcnow", lambda: datetime.now(UTC) - timedelta(hours=1))
    assert "clocks differ" in refusal(opened(shared_server().url(bucket)).check)


def test_a_bucket_is_made_and_one_that_may_not_be_is_named(bucket: str) -> None:
    url = shared_server().url(bucket)
    opened(url).check()
    opened(url).check()
    shared_server().make_user(bucket, bucket, "poor-secret", "--max-buckets=-1")
    poor = S3Keys(bucket, "poor-secret")
    assert "may not make it" in refusal(opened(shared_server().url(f"{bucket}-other"), poor).check)
    assert "allowed to list" in refusal(opened(url, poor).check)


def test_nobody_there_and_somebody_else_there_are_told_apart(bucket: str) -> None:
    assert "cannot be reached" in refusal(
        opened(f"s3://{bucket}?endpoint=http://127.0.0.1:1", patience_s=1).check
    )
    for status, kind in (
        (404, "text/html"),
        (200, "text/html"),
        (200, "application/xml"),
        (404, "application/xml"),
    ):
        with other_server(status, kind, b"<p>Welcome!<br></p>") as port:
            assert "something else" in refusal(
                opened(f"s3://{bucket}?endpoint=http://127.0.0.1:{port}").check
            )


def test_a_server_that_keeps_failing_is_given_up(bucket: str) -> None:
    slow_down = b"<Error><Code>SlowDown</Code><Message>less, please</Message></Error>"
    with other_server(503, "application/xml", slow_down) as port:
        crowded = opened(f"s3://{bucket}?endpoint=http://127.0.0.1:{port}", patience_s=1)
        assert "overloaded" in refusal(lambda: crowded.read(KEY))
        assert "overloaded" in refusal(lambda: crowded.put(KEY, [b"a"]))
    with other_server(500, "text/plain", b"oops") as port:
        broken = opened(f"s3://{bucket}?endpoint=http://127.0.0.1:{port}", patience_s=1)
        assert "check endpoint" in refusal(lambda: broken.read(KEY))


def test_certificates_are_checked(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = shared_server()
    url = f"s3://{bucket}?endpoint=127.0.0.1:{store.tls_port}"
    assert "SSL_CERT_FILE" in refusal(opened(url).check, within_s=2)
    assert "http://" in refusal(opened(f"s3://{bucket}?endpoint=127.0.0.1:{store.port}").check, within_s=2)
    monkeypatch.setenv("SSL_CERT_FILE", str(store.certificate))
    trusting = opened(url)
    trusting.check()
    trusting.put(KEY, parts(3))
    assert trusting.read(KEY, PART - 1, 10) == bytes(10)
    assert trusting.holds(KEY, 3 * PART)


def test_encryption_is_what_was_asked_for_or_refused(bucket: str) -> None:
    url = shared_server().url(bucket)
    encrypted = opened(f"{url}&sse=KMS:{KMS_KEY}")
    encrypted.check()
    for key, content in (("small", [b"0123456789"]), ("large", parts(2))):
        encrypted.put(key, content)
        said = encrypted._client.stat_object(bucket, key).metadata
        assert said["x-amz-server-side-encryption"] == "aws:kms"
    assert encrypted.read("small", 3, 4) == b"3456"
    # this server passes over AES256 in silence unless its administrator has set a key for it
    assert "does not encrypt" in refusal(opened(f"{url}&sse=AES256").check)


# --- what is not there --------------------------------------------------------------------------------------------


def test_a_bucket_that_is_gone_is_no_absent_blob(blobs: S3Blobs, bucket: str) -> None:
    with pytest.raises(NotFound):
        blobs.read(KEY)
    blobs._client.remove_bucket(bucket)
    asked: list[Callable[[], object]] = [
        lambda: blobs.read(KEY),
        lambda: blobs.read(KEY, 3, 4),
        lambda: blobs.read(KEY, 0, 0),
        lambda: blobs.holds(KEY, 1),
        lambda: list(blobs.list()),
        lambda: blobs.put(KEY, [b"a"]),
        lambda: blobs.put(KEY, parts(2)),
        lambda: blobs.delete(KEY),
        blobs.clear_aside,
    ]
    for call in asked:
        assert "no bucket" in refusal(call)
    blobs.check()
    blobs.put(KEY, [b"a"])
    assert blobs.read(KEY) == b"a"


def test_names_of_our_own_use_are_not_listed(blobs: S3Blobs, server: S3Server, bucket: str) -> None:
    blobs.put("a/b", [b"1"])
    opened(server.url(bucket, "other")).put("c", [b"2"])
    blobs._client.put_object(bucket, ".farlight/check-left-behind", _Empty(), 0)
    assert [info.key for info in blobs.list()] == ["a/b", "other/c"]
    assert [info.key for info in opened(server.url(bucket, "other")).list()] == ["c"]


def test_a_long_list_comes_in_pages(blobs: S3Blobs) -> None:
    for number in range(1003):
        blobs.put(f"a/{number:04}", [b""])
    assert [info.key for info in blobs.list("a/")] == [f"a/{number:04}" for number in range(1003)]


# --- uploads in parts ---------------------------------------------------------------------------------------------


def test_an_upload_that_breaks_off_leaves_no_parts(blobs: S3Blobs, bucket: str) -> None:
    def broken() -> Iterator[bytes]:
        yield from parts(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.put(KEY, broken())
    assert blobs._client._list_multipart_uploads(bucket).uploads == []


def test_parts_that_a_dead_process_left_are_removed_in_time(
    blobs: S3Blobs, server: S3Server, bucket: str
) -> None:
    client = blobs._client
    for name in ("ours/a", "ours/a", "ours/b", "theirs/a"):
        upload = client._create_multipart_upload(bucket, name, {})
        client._upload_part(bucket, name, bytes(PART), None, upload, 1)
    ours = opened(server.url(bucket, "ours"))
    ours.clear_aside()
    assert len(client._list_multipart_uploads(bucket).uploads) == 4
    ours.clear_aside(older_than_s=-60)
    assert [left.object_name for left in client._list_multipart_uploads(bucket).uploads] == ["theirs/a"]


# --- a store that is away -----------------------------------------------------------------------------------------


def test_a_store_killed_in_mid_put_is_away_and_comes_back(blobs: S3Blobs, server: S3Server) -> None:
    def kills() -> Iterator[bytes]:
        yield from parts(3)
        server.kill_gateway()
        yield from parts(3)

    blobs.put("before", [b"0123456789"])
    try:
        assert "cannot be reached" in refusal(lambda: blobs.put(KEY, kills()))
    finally:
        server.start()
    assert not blobs.holds(KEY, 0)
    assert blobs.read("before", 2, 3) == b"234"
    blobs.put(KEY, parts(4))
    assert blobs.holds(KEY, 4 * PART)


def test_a_short_absence_is_not_noticed(blobs: S3Blobs, server: S3Server) -> None:
    patient = S3Blobs(blobs.address, KEYS, patience_s=30, part_size=PART)

    def kills() -> Iterator[bytes]:
        yield from parts(2)
        server.kill_gateway()
        threading.Timer(0.7, server.start).start()
        yield from parts(2)

    patient.put(KEY, kills())
    assert patient.holds(KEY, 4 * PART)


def test_a_store_that_hangs_is_given_up_in_time(blobs: S3Blobs, server: S3Server) -> None:
    blobs.put(KEY, parts(2))
    reading = blobs.chunks(KEY)
    next(reading)
    asked: list[Callable[[], object]] = [
        lambda: blobs.put("new", [b"a"]),
        lambda: blobs.put("new", parts(2)),
        lambda: blobs.read(KEY, 10, 10),
        lambda: blobs.holds(KEY, 1),
        lambda: list(blobs.list()),
        lambda: list(reading),
        blobs.check,
    ]
    refusals: list[str] = []
    server.pause()
    try:
        threads = [
            threading.Thread(target=lambda call=call: refusals.append(refusal(call)), daemon=True)
            for call in asked
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(3 * LIMIT_S)
    finally:
        server.resume()
    assert refusals == [refusals[0]] * len(asked)
    assert "does not answer" in refusals[0]
    blobs.put("new", [b"a"])
    assert blobs.read("new") == b"a"


def test_too_many_puts_at_a_slow_store_are_refused_in_time(blobs: S3Blobs, server: S3Server) -> None:
    said: list[str] = []
    server.pause()
    try:
        puts = [
            threading.Thread(
                target=lambda n=n: said.append(refusal(lambda: blobs.put(f"{n}", [b"a"]))), daemon=True
            )
            for n in range(24)
        ]
        for thread in puts:
            thread.start()
        for thread in puts:
            thread.join(3 * LIMIT_S)
    finally:
        server.resume()
    assert len(said) == len(puts)


# --- a line that breaks -------------------------------------------------------------------------------------------


def test_what_is_damaged_on_the_way_is_sent_again(bucket: str) -> None:
    damaged: list[int] = []

    def damage(piece: bytes, number: int) -> bytes:
        if b"\x00" * 1000 in piece and len(damaged) < 2:
            damaged.append(number)
            return piece[:-500] + b"\x01" + piece[-499:]
        return piece

    with through(bucket, upward=damage) as blobs:
        blobs.put("small", [bytes(100_000)])
        blobs.put("large", parts(2))
        assert len(damaged) == 2
        assert blobs.read("small") == bytes(100_000)
        assert blobs.read("large") == bytes(2 * PART)


def test_a_line_that_always_damages_is_given_up(bucket: str) -> None:
    def damage(piece: bytes, _number: int) -> bytes:
        return piece.replace(b"honest", b"hidden")

    with through(bucket, upward=damage) as blobs:
        refusal(lambda: blobs.put("some", [b"an honest blob"]))
    assert not opened(shared_server().url(bucket)).holds("some", 0)


def test_a_read_goes_on_where_the_line_broke(bucket: str) -> None:
    content = b"".join(number.to_bytes(4, "big") for number in range(1_500_000))
    opened(shared_server().url(bucket)).check()
    opened(shared_server().url(bucket)).put(KEY, [content])

    def cut(piece: bytes, number: int) -> bytes | None:
        return None if number in (30, 70) else piece

    with BadLink(shared_server().port, downward=cut) as link:
        blobs = opened(f"s3://{bucket}?endpoint=http://127.0.0.1:{link.port}")
        assert blobs.read(KEY) == content
        assert link.connections >= 3
        assert blobs.read(KEY, 5, 4_000_000) == content[5:4_000_005]


def test_a_cut_in_the_middle_of_tls_is_no_wrong_setting(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(shared_server().certificate))
    with BadLink(shared_server().tls_port, downward=lambda piece, number: piece if number else None) as link:
        blobs = opened(f"s3://{bucket}?endpoint=127.0.0.1:{link.port}")
        blobs.check()
        assert link.connections == 2


def test_the_answer_to_a_completed_upload_may_be_lost(bucket: str) -> None:
    lost: list[int] = []

    def lose(piece: bytes, number: int) -> bytes | None:
        if b"CompleteMultipartUploadResult" in piece and not lost:
            lost.append(number)
            return None
        return piece

    with through(bucket, downward=lose) as blobs:
        blobs.put(KEY, parts(2))
        assert lost
        assert blobs.holds(KEY, 2 * PART)


def test_a_small_answer_is_not_held_back(bucket: str) -> None:
    """This server sends an answer in two pieces and waits between them until the first is acknowledged."""
    blobs = opened(shared_server().url(bucket))
    blobs.check()
    blobs.put(KEY, [bytes(100_000)])
    took: list[float] = []
    for offset in range(31):
        began = time.monotonic()
        blobs.read(KEY, offset, 1000)
        took.append(time.monotonic() - began)
    assert statistics.median(took) < 0.025


# --- memory -------------------------------------------------------------------------------------------------------

PUT_A_LARGE_SPOOL = """
import resource, sys
from pathlib import Path
from storage.archive import open_blobs
from storage.blobs import S3Keys
from storage.spool import Spool

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

blobs = open_blobs(sys.argv[1], S3Keys(*sys.argv[2:4]))
blobs.check()
with Spool(Path(sys.argv[4]), reserve=0) as spool:
    piece = bytes(1 << 20)
    for _ in range(300):
        spool.write(piece)
    before = peak_kib()
    blobs.keep("large", spool)
    assert blobs.holds("large", 300 << 20)
    print(peak_kib() - before)
"""


def test_a_large_spool_never_lies_in_memory(bucket: str, tmp_path: Path) -> None:
    arguments = [shared_server().url(bucket), ACCESS_KEY, SECRET_KEY, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", PUT_A_LARGE_SPOOL, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40 << 10
    opened(shared_server().url(bucket)).delete("large")


class _Empty:
    def read(self, _size: int) -> bytes:
        return b""


@contextmanager
def other_server(status: int, kind: str, content: bytes) -> Iterator[int]:
    """The port of a server that says the same to everything."""

    class Same(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - as its base has them

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Same)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield running.server_address[1]
    finally:
        running.shutdown()
        running.server_close()

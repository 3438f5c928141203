"""Blobs in a bucket of any S3 store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from xml.etree.ElementTree import ParseError

from minio import Minio
from minio.error import MinioException
from minio.helpers import check_bucket_name
from minio.sse import Sse, SseKMS, SseS3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from storage.blobs.s3_address import KMS, S3Address, S3Keys
from storage.blobs.s3_errors import (
    NO_BUCKET,
    NO_S3_STORE,
    OUT_OF_RANGE,
    UPLOAD_GONE,
    translated,
    unavailable,
)
from storage.blobs.s3_patience import PatientPool
from storage.blobs.s3_sources import ChunkSource, Source, SpoolSource
from storage.blobs.s3_trial import RESERVED, make_bucket_if_none, try_out
from storage.blobs.store import BlobInfo, FindAgain
from storage.errors import Corrupt, Invalid, NotFound, Unavailable
from storage.spool import Spool

CHUNK = 1 << 20
PART = 8 << 20
"""A larger blob goes up in parts of this size, one after the other: so much of it lies in memory and no more."""
AT_ONCE = 16
"""Puts under way at one time; further ones wait. It bounds memory, and no store gets faster by more."""
CONNECTIONS = 256
PATIENCE_S = 20.0
"""A sender waits for its C-STORE meanwhile; most give up after 30 s or more."""
CHECK_PATIENCE_S = 5.0


class S3Blobs:
    """A `BlobStore` in a bucket. The store's answer to a put is what makes it durable.

    Integrity: the client signs the SHA-256 of what it sends (over TLS it sends the MD5), and the store refuses
    anything else. A store that is silent or fails is asked again for `patience_s`, then the call raises `Unavailable`;
    with a put that waited for its turn, or a read that broke off half-way, it can be up to twice that.
    """

    find_again: FindAgain | None = None

    def __init__(
        self, address: S3Address, keys: S3Keys, *, patience_s: float = PATIENCE_S, part_size: int = PART
    ) -> None:
        """Nothing is asked of the store yet; see `check`. Raises `Invalid` for an address that cannot be one."""
        self.address = address
        self._part_size = part_size
        self._encryption = _encryption(address.sse)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._pool = PatientPool(patience_s, CONNECTIONS)
        self._tried_out = False
        try:
            check_bucket_name(address.bucket, strict=True)
            self._client = Minio(
                address.host,
                access_key=keys.access,
                secret_key=keys.secret,
                secure=address.secure,
                region=address.region,
                http_client=self._pool,
            )
        except ValueError as why:
            raise Invalid(f"FARLIGHT_BLOBS_URL: {why}") from why

    def keep(self, key: str, spool: Spool) -> None:
        """See `BlobStore.keep`."""
        self._put(key, SpoolSource(spool), spool.size)

    def settle(self, keys: Iterable[str]) -> None:
        """Nothing to do: what the store has said to have, it has under its name."""

    def put(self, key: str, chunks: Iterable[bytes]) -> None:
        """See `BlobStore.put`; the length need not be known."""
        self._put(key, ChunkSource(chunks), -1)

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `BlobStore.read`."""
        return b"".join(self.chunks(key, offset, length))

    def chunks(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `BlobStore.chunks`. A connection that breaks half-way is taken up again where it broke."""
        done = 0
        while True:
            before = done
            try:
                for piece in self._stream(key, offset + done, None if length is None else length - done):
                    done += len(piece)
                    yield piece
                break
            except HTTPError as why:
                if done == before:
                    raise translated(why, self.address) from why
        if length is not None and done != length:
            raise Corrupt(f"blob {key} is shorter than its index says")

    def holds(self, key: str, length: int) -> bool:
        """See `BlobStore.holds`."""
        try:
            return self._size(key) >= length
        except NotFound:
            return False

    def delete(self, key: str) -> None:
        """See `BlobStore.delete`."""
        self._ask(self._client.remove_object, self.address.bucket, self.address.name(key))

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """See `BlobStore.list`; by name, a thousand an answer."""
        below = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        found = self._client.list_objects(self.address.bucket, self.address.prefix + below, recursive=True)
        while (item := self._ask(next, found, None)) is not None:
            key = item.object_name.removeprefix(self.address.prefix)
            if not key.startswith(RESERVED) and not key.endswith("/"):
                yield BlobInfo(key, item.size, item.last_modified)

    def check(self) -> None:
        """See `BlobStore.check`: at first a blob is put, read and deleted, and the bucket made if there is none.

        Once that went well, only whether the store answers soon, knows the keys and has the bucket: one small request.
        """
        patience_s = self._pool.patience_s
        with (
            self._pool.patience(min(CHECK_PATIENCE_S, patience_s) if self._tried_out else patience_s),
            self._understood(),
        ):
            made = make_bucket_if_none(self._client, self.address)
            if made or not self._tried_out:
                try_out(self._client, self.address, self._encryption)
        self._tried_out = True

    def clear_aside(self, older_than_s: float = 24 * 3600) -> None:
        """Abort uploads in parts that a crashed process left; a living one is never this slow."""
        limit = datetime.now(UTC) - timedelta(seconds=older_than_s)
        page = self._uploads(None)
        while True:
            for upload in page.uploads:
                if upload.initiated_time < limit:
                    self._abort(upload.object_name, upload.upload_id)
            if not page.is_truncated or not page.next_key_marker:
                return
            page = self._uploads(page.next_key_marker)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def _put(self, key: str, source: Source, length: int) -> None:
        name, settings = self.address.name(key), {"sse": self._encryption, "part_size": self._part_size}
        put = self._client.put_object
        with self._turn():
            try:
                self._ask(put, self.address.bucket, name, source, length, num_parallel_uploads=1, **settings)
            except Unavailable as why:
                # when the answer to its completion was lost, a completed upload is asked for again and gone
                if why.code != UPLOAD_GONE or not self.holds(key, source.taken):
                    raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._pool.patience_s):
            raise unavailable(self.address, "is too slow: too many blobs wait for it already")
        try:
            yield
        finally:
            self._turns.release()

    def _stream(self, key: str, offset: int, length: int | None) -> Iterator[bytes]:
        """What one answer brings, perhaps less than asked. The connection goes back however this ends."""
        response = self._open(key, offset, length)
        if response is None:
            return
        try:
            yield from response.stream(CHUNK, decode_content=False)
        finally:
            response.close()
            response.release_conn()

    def _open(self, key: str, offset: int, length: int | None) -> BaseHTTPResponse | None:
        """The answer to a read; None if there is nothing to read, because none is asked for or the blob has ended."""
        if length == 0:
            self._size(key)
            return None
        name = self.address.name(key)
        try:
            response: BaseHTTPResponse = self._ask(
                self._client.get_object, self.address.bucket, name, offset, length or 0
            )
        except Corrupt as why:
            if why.code != OUT_OF_RANGE:
                raise
            return None
        if offset and response.status != HTTPStatus.PARTIAL_CONTENT:
            response.close()
            raise unavailable(self.address, "cannot read a part of a blob, and Farlight needs that")
        return response

    def _size(self, key: str) -> int:
        """In bytes. To a HEAD an absent bucket looks like an absent blob, so that it is asked for by itself."""
        name = self.address.name(key)
        try:
            return int(self._ask(self._client.stat_object, self.address.bucket, name).size)
        except NotFound:
            if self._ask(self._client.bucket_exists, self.address.bucket):
                raise
            raise unavailable(self.address, NO_BUCKET) from None

    def _uploads(self, marker: str | None) -> Any:
        # the library has no public call for this
        listed = self._client._list_multipart_uploads
        return self._ask(listed, self.address.bucket, prefix=self.address.prefix, key_marker=marker)

    def _abort(self, name: str, upload_id: str) -> None:
        try:
            self._ask(self._client._abort_multipart_upload, self.address.bucket, name, upload_id)
        except Unavailable as why:
            if why.code != UPLOAD_GONE:  # another process cleans too
                raise

    def _ask(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """One operation, with the store's patience and in our words."""
        with self._pool.patience(), self._understood():
            return call(*arguments, **named)

    @contextmanager
    def _understood(self) -> Iterator[None]:
        try:
            yield
        except (MinioException, HTTPError) as why:
            raise translated(why, self.address) from why
        except ParseError as why:
            raise unavailable(self.address, NO_S3_STORE) from why


def _encryption(sse: str) -> Sse | None:
    if not sse:
        return None
    return SseKMS(sse.removeprefix(KMS), {}) if sse.startswith(KMS) else SseS3()

"""The two places where an archive lies, opened once and passed to whoever works on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from storage.arrival import Arrival, keep_arrivals
from storage.blobs import BlobStore, FolderBlobs, S3Keys
from storage.blobs.s3_address import parse_s3_url
from storage.database import Database
from storage.errors import Invalid, Unavailable
from storage.group_commit import GroupCommit
from storage.leaving import Left, note_left
from storage.moved import moved_to
from storage.prepared import Prepared
from storage.receipt import Receipt
from storage.records import record_batch
from storage.spool import Spool


@dataclass(frozen=True)
class Archive:
    """An index and its bytes. `incoming` is a folder for what is still arriving, best on the blobs' own disk."""

    database: Database
    blobs: BlobStore
    incoming: Path

    def __post_init__(self) -> None:
        """Let who reads bytes that have been packed meanwhile ask the index where they lie now."""
        self.blobs.find_again = partial(moved_to, self.database)

    def spool(self, *, hashed: bool = True) -> Spool:
        """A file for what is on its way in. Raises `Unavailable` if there is no room for any."""
        if isinstance(self.blobs, FolderBlobs):
            return Spool(self.incoming, reserve=self.blobs.reserve, hashed=hashed)
        return Spool(self.incoming, for_this_disk=False, hashed=hashed)

    @cached_property
    def commits(self) -> GroupCommit[Arrival, Receipt]:
        """Where instances become durable and visible, those of many threads together."""
        return GroupCommit(self._commit)

    @cached_property
    def _keeping(self) -> GroupCommit[Arrival, Prepared]:
        """Where small instances become one object: those that come while the last one is being put."""
        return GroupCommit(lambda batch: keep_arrivals(self.blobs, self._pack_spool, batch))

    def arrive(self, prepared: Prepared, spool: Spool) -> Receipt:
        """Make an instance durable and visible: its bytes, then its row. Raises what goes wrong with it.

        The bytes of a small file are kept by the thread that commits for all: that takes less time than threads take
        to change over. Small ones for a store over the network are gathered before, so that commits go on meanwhile.
        Each thread keeps a large one itself.
        """
        if spool.is_small and isinstance(self.blobs, FolderBlobs):
            return self.commits.submit(Arrival(prepared, spool))
        if spool.is_small:
            return self.commits.submit(Arrival(self._keeping.submit(Arrival(prepared, spool))))
        self.blobs.keep(prepared.blob_key, spool)
        return self.commits.submit(Arrival(prepared))

    def _pack_spool(self) -> Spool:
        """What lies in it was hashed when it came."""
        return self.spool(hashed=False)

    def _commit(self, batch: Sequence[Arrival]) -> list[Receipt]:
        kept = keep_arrivals(self.blobs, self._pack_spool, batch)
        self.blobs.settle({one.blob_key for one in kept})
        with self.database.write() as connection:
            receipts = record_batch(self.database, connection, kept)
            note_left(connection, _left(kept, receipts))
        self._drop_packs(kept, receipts)
        return receipts

    def _drop_packs(self, kept: Sequence[Prepared], receipts: Sequence[Receipt]) -> None:
        """Those of which every instance was known before. On a store over the network they are left to the sweep:
        others of the pack may be on their way still."""
        if isinstance(self.blobs, FolderBlobs):
            for key in {one.pack_key for one in kept} - {receipt.blob_key for receipt in receipts} - {""}:
                with suppress(Unavailable):
                    self.blobs.delete(key)

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def _left(kept: Sequence[Prepared], receipts: Sequence[Receipt]) -> list[Left]:
    """Packs of which an instance was known before."""
    keys = {one.pack_key for one, receipt in zip(kept, receipts, strict=True) if not receipt.names_kept}
    return [Left(key) for key in sorted(keys - {""})]


def open_archive(database_url: str, blobs_url: str, data: Path, keys: S3Keys | None = None) -> Archive:
    """Open both parts; `keys` are those of an S3 store. Nothing is created but the folders."""
    blobs = open_blobs(blobs_url, keys)
    incoming = blobs.incoming if isinstance(blobs, FolderBlobs) else data / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    return Archive(Database(database_url), blobs, incoming)


def open_blobs(url: str, keys: S3Keys | None = None) -> BlobStore:
    """A blob store by its URL: ``file:///folder`` or ``s3://bucket?endpoint=…``. Raises `Invalid` for any other."""
    if url.startswith("file://"):
        return FolderBlobs(Path(url.removeprefix("file://")))
    if url.startswith("s3://"):
        return _open_s3(url, keys)
    raise Invalid(
        f"FARLIGHT_BLOBS_URL: no blob store for {url.split(':', 1)[0]!r}; use file:///folder or s3://bucket?endpoint=…"
    )


def _open_s3(url: str, keys: S3Keys | None) -> BlobStore:
    from storage.blobs.s3 import S3Blobs  # its library, only where there is such a store

    address = parse_s3_url(url)
    if keys is None or not (keys.access and keys.secret):
        raise Invalid("an S3 store needs FARLIGHT_S3_ACCESS_KEY and FARLIGHT_S3_SECRET_KEY")
    return S3Blobs(address, keys)

"""Several instances in one blob: a tar archive (POSIX.1-2001 `pax`, *ustar*), written whole and never changed.

    a table        for each instance its offset, length, SOPInstanceUID and the key under which it would lie alone
    instances      each behind a tar header, named by that key; our file head, then the data set as it came

A row of the index has an instance's offset and length, so that it is read like a part of any file. The table is what
is read to verify a pack or to make the index again from it. Where all else is lost, ``tar -x`` gives the single files.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import repeat

from storage.blob_name import BlobName
from storage.blobs import BlobInfo, BlobStore
from storage.errors import Corrupt, Invalid
from storage.pack_name import PackName, parse_key
from storage.spool import Bytes, Spool

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_LINE = "{:013d} {:013d} {} {}\n"
_LINE_LENGTH = len(_LINE.format(0, 0, "", ""))


@dataclass(frozen=True)
class Member:
    """One instance's bytes: who it is, and where they lie, in a blob of their own or in a pack."""

    name: BlobName
    blob_key: str
    blob_offset: int
    length: int
    sop_instance_uid: str = ""
    """Known of members of packs."""


@dataclass(frozen=True)
class Content:
    """An instance that is to go into a pack; `length` in bytes."""

    name: BlobName
    sop_instance_uid: str
    length: int


@dataclass(frozen=True)
class Pack:
    """A pack that is about to be written. `heads` are the bytes before each member's own."""

    name: PackName
    members: tuple[Member, ...]
    heads: tuple[bytes, ...]

    @classmethod
    def plan(cls, contents: Sequence[Content], made_at: datetime) -> Pack:
        """A pack of instances of one site and origin, in the order given."""
        keys, names = [one.name.key for one in contents], [one.name for one in contents]
        sizes, uids = [one.length for one in contents], [one.sop_instance_uid for one in contents]
        heads = list(map(_tar_header, keys, sizes, names))
        lines = sum(len(key) + len(uid) + _LINE_LENGTH for key, uid in zip(keys, uids, strict=True))
        offsets = _offsets(_BLOCK + _padded(lines), heads, sizes)
        table = "".join(map(_LINE.format, offsets, sizes, uids, keys)).encode()
        sha256 = hashlib.sha256(table).hexdigest()
        first = min(names, key=lambda name: name.received_at)
        pack = PackName(first.site, first.origin, first.received_at, made_at, len(names), sha256)
        members = tuple(map(Member, names, repeat(pack.key), offsets, sizes, uids))
        start = _tar_header(f"packs/{sha256}.txt", len(table), first) + table + _padding(len(table))
        return cls(pack, members, (start + heads[0], *heads[1:]))

    def write(self, spool: Spool, contents: Iterable[Iterable[Bytes]]) -> None:
        """All of it; `contents` are the members' bytes, in their order and in pieces.

        Raises `Corrupt` where there are more or fewer than the plan says, and what `contents` raise.
        """
        for member, head, pieces in zip(self.members, self.heads, contents, strict=True):
            spool.write(head)
            start = spool.size
            for piece in pieces:
                spool.write(piece)
            if (start, spool.size - start) != (member.blob_offset, member.length):
                raise Corrupt("an instance has another length than its row says")
            spool.write(_padding(member.length))
        spool.write(_END)


def members_of(blobs: BlobStore, info: BlobInfo) -> list[Member]:
    """What a blob holds: one instance or those of a pack, by its table.

    Raises `Invalid` if it is neither, `Corrupt` if the table is not what was written, `NotFound`.
    """
    name = parse_key(info.key)
    if isinstance(name, BlobName):
        return [Member(name, info.key, 0, info.size)]
    return read_table(blobs, name)


def read_table(blobs: BlobStore, name: PackName) -> list[Member]:
    """A pack's members in their order. Raises `Corrupt`, `NotFound`."""
    try:
        length = tarfile.TarInfo.frombuf(blobs.read(name.key, 0, _BLOCK), "ascii", "strict").size
    except (tarfile.HeaderError, UnicodeDecodeError) as why:
        raise Corrupt("a pack has no table at its beginning") from why
    table = blobs.read(name.key, _BLOCK, length)
    if hashlib.sha256(table).hexdigest() != name.sha256:
        raise Corrupt("a pack's table is not what was written")
    try:
        return list(_parse(table.decode(), name.key))
    except (Invalid, ValueError) as why:
        raise Corrupt("a pack's table cannot be read") from why


class Tables:
    """Tables of packs, the latest of them remembered. Safe to share between threads."""

    def __init__(self, blobs: BlobStore, most: int = 64) -> None:
        self._of = lru_cache(most)(lambda key: {one.blob_offset: one for one in _read(blobs, key)})

    def find(self, key: str, offset: int) -> Member:
        """What a pack says lies at `offset`. Raises `Corrupt` if it says nothing of it, `NotFound`."""
        found: Member | None = self._of(key).get(offset)
        if found is None:
            raise Corrupt("a pack's table does not know this instance")
        return found


def _read(blobs: BlobStore, key: str) -> list[Member]:
    return read_table(blobs, PackName.parse(key))


def _parse(table: str, pack_key: str) -> Iterator[Member]:
    for line in table.splitlines():
        offset, length, uid, key = line.split(" ", 3)
        yield Member(BlobName.parse(key), pack_key, int(offset), int(length), uid)


def _offsets(first: int, heads: Sequence[bytes], sizes: Sequence[int]) -> list[int]:
    """Where each instance begins, if the first one's head begins at `first`."""
    offsets = []
    for head, size in zip(heads, sizes, strict=True):
        offsets.append(first + len(head))
        first = offsets[-1] + _padded(size)
    return offsets


def _tar_header(name: str, size: int, of: BlobName) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(of.received_at.timestamp()), 0o600
    try:
        return info.tobuf(tarfile.USTAR_FORMAT)
    except ValueError:  # a sender's name is too long for the plain form
        return info.tobuf(tarfile.PAX_FORMAT)


def _padded(length: int) -> int:
    return -(-length // _BLOCK) * _BLOCK


def _padding(length: int) -> bytes:
    return bytes(-length % _BLOCK)

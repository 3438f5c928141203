"""The parts of a series' metadata: which of them stay when images have come, and what the others become.

A part is some of the series' instances in reading order, compressed together; it names them, and how long the text of
each is. What is known is never encoded again, and a part before the first new instance is not touched: images that
come in their order cost no more than themselves.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from storage.archive import Archive
from storage.database import Database
from storage.gapped_gzip import Gapped, compress
from storage.locks import Lock, serialize_row
from storage.metadata_text import MetadataTexts
from storage.references import pages
from storage.retrieve import READING_ORDER, instances
from storage.tables import instance, series, series_metadata

FORM = 1
"""Of what is kept. To be raised when the same headers give other texts: parts of another form are made anew."""
MOST_INSTANCES, MOST_BYTES = 512, 8 << 20
"""Of one part: it is made in memory."""
FEW_INSTANCES = 64
"""A last part of fewer grows instead of being followed by another."""
_HEADERS_AT_ONCE = 256


@dataclass(frozen=True)
class Part:
    """Instances that are told together; `digest` names the content."""

    digest: str
    content: Gapped


@dataclass(frozen=True)
class KeptPart:
    """A part, its instances by row number, and the bytes of their texts."""

    part: Part
    form: int
    members: tuple[int, ...]
    lengths: tuple[int, ...]

    def texts(self) -> Iterator[tuple[int, bytes]]:
        """The text of each instance."""
        whole, start = self.part.content.text(), 0
        for member, length in zip(self.members, self.lengths, strict=True):
            yield member, whole[start : start + length]
            start += length + 1


def kept_parts(connection: Connection, row: int) -> list[KeptPart]:
    """The parts of the series with this row number, in order."""
    table = series_metadata
    query = select(table).where(table.c.series == row).order_by(table.c.number)
    return [
        KeptPart(Part(each.digest, Gapped.from_bytes(each.content)), each.form, *_unpacked(each.members))
        for each in connection.execute(query)
    ]


def reading_order(connection: Connection, row: int) -> list[int]:
    """The row numbers of a series' instances that are not rejected, as they are read."""
    query = select(instance.c.id).join(series, series.c.id == instance.c.series)
    query = query.where(series.c.id == row, instance.c.rejection.is_(None))
    return list(connection.execute(query.order_by(*READING_ORDER)).scalars())


def extended(archive: Archive, known: list[KeptPart], order: Sequence[int]) -> list[KeptPart]:
    """The parts of a series whose instances are `order`. Raises `Corrupt` if a header that must be read is gone."""
    stay = _that_stay(known, order)
    texts = {
        member: text for part in known[len(stay) :] if part.form == FORM for member, text in part.texts()
    }
    rest = order[sum(len(part.members) for part in stay) :]
    return stay + list(_made(_texts(archive, rest, texts)))


def keep(database: Database, row: int, before: list[KeptPart], now: list[KeptPart]) -> None:
    """Keep the parts `now` where there were those `before`; if others are there by now, nothing is done."""
    table = series_metadata
    with database.write() as connection:
        # no row of the index is locked: images go on coming
        serialize_row(connection, Lock.METADATA, row)
        if kept_parts(connection, row) != before:
            return
        same = next((n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), len(before))
        connection.execute(delete(table).where(table.c.series == row, table.c.number >= same))
        rows = [_row(row, number, part) for number, part in enumerate(now) if number >= same]
        if rows:
            connection.execute(insert(table), rows)


def _that_stay(known: list[KeptPart], order: Sequence[int]) -> list[KeptPart]:
    """Those whose instances stand first, in their order; not a last one of few to which some are added."""
    stay, covered = [], 0
    for part in known:
        following = covered + len(part.members)
        if part.form != FORM or tuple(order[covered:following]) != part.members:
            break
        stay.append(part)
        covered = following
    if stay and covered < len(order) and len(stay[-1].members) < FEW_INSTANCES:
        stay.pop()
    return stay


def _texts(archive: Archive, members: Sequence[int], known: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """The text of each instance, made where it is not known; one that was removed meanwhile is left out."""
    maker = MetadataTexts(archive.blobs)
    for some in pages(members, _HEADERS_AT_ONCE):
        unknown = [member for member in some if member not in known]
        with archive.database.read() as connection:
            found = instances(connection, instance.c.id.in_(unknown)) if unknown else []
        known |= {each.id: maker.text(each) for each in found}
        yield from ((member, known.pop(member)) for member in some if member in known)


def _made(texts: Iterator[tuple[int, bytes]]) -> Iterator[KeptPart]:
    some: list[tuple[int, bytes]] = []
    size = 0
    for member, text in texts:
        if some and (len(some) == MOST_INSTANCES or size + len(text) > MOST_BYTES):
            yield _part(some)
            some, size = [], 0
        some.append((member, text))
        size += len(text)
    if some:
        yield _part(some)


def _part(texts: list[tuple[int, bytes]]) -> KeptPart:
    content = compress(b",".join(text for _, text in texts))
    digest = hashlib.sha256(content.to_bytes()).hexdigest()[:32]
    lengths = tuple(len(text) for _, text in texts)
    return KeptPart(Part(digest, content), FORM, tuple(member for member, _ in texts), lengths)


def _row(row: int, number: int, part: KeptPart) -> dict[str, object]:
    return {
        "series": row,
        "number": number,
        "form": part.form,
        "instances": len(part.members),
        "last_instance": max(part.members),
        "members": _packed(part.members, part.lengths),
        "digest": part.part.digest,
        "content": part.part.content.to_bytes(),
    }


def _packed(members: Sequence[int], lengths: Sequence[int]) -> bytes:
    return zlib.compress(array("q", (*members, *lengths)).tobytes(), 1)


def _unpacked(packed: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    numbers = array("q", zlib.decompress(packed))
    half = len(numbers) // 2
    return tuple(numbers[:half]), tuple(numbers[half:])

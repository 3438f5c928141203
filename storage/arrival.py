"""Instances that wait to become durable together: small ones of one site share a blob.

A file costs its creation, a sync and a link, an object a request, whatever their size; of images of a few kilobytes
that is most of the work. What came alone is kept alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.blobs import BlobStore
from storage.pack import Content, Pack
from storage.prepared import Prepared
from storage.spool import Bytes, Spool


@dataclass(frozen=True)
class Arrival:
    """An instance that waits to become durable and visible; `spool` if its bytes are not kept yet."""

    prepared: Prepared
    spool: Spool | None = None


def keep_arrivals(
    blobs: BlobStore, new_spool: Callable[[], Spool], batch: Sequence[Arrival]
) -> list[Prepared]:
    """Keep what is not kept yet: two or more of a site in one pack. Returns the batch, each where it lies.

    Not durable before the blobs are settled. Raises `Unavailable`.
    """
    placed = [arrival.prepared for arrival in batch]
    for numbers in _groups(batch):
        if len(numbers) == 1:
            (number,) = numbers
            _keep_alone(blobs, batch[number])
            continue
        pack = _keep_pack(blobs, new_spool, [batch[number] for number in numbers])
        for number, member in zip(numbers, pack.members, strict=True):
            placed[number] = placed[number].packed_into(member)
    return placed


def _groups(batch: Sequence[Arrival]) -> Iterator[list[int]]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, arrival in enumerate(batch):
        if arrival.spool is not None:
            groups[arrival.prepared.blob.site, arrival.prepared.blob.origin].append(number)
    yield from groups.values()


def _keep_alone(blobs: BlobStore, arrival: Arrival) -> None:
    if arrival.spool is not None:
        blobs.keep(arrival.prepared.blob_key, arrival.spool)


def _keep_pack(blobs: BlobStore, new_spool: Callable[[], Spool], group: list[Arrival]) -> Pack:
    pack = Pack.plan([_content(one.prepared) for one in group], datetime.now(UTC))
    with new_spool() as spool:
        pack.write(spool, (_bytes_of(one) for one in group))
        blobs.keep(pack.name.key, spool)
    return pack


def _content(prepared: Prepared) -> Content:
    return Content(prepared.blob, prepared.header.sop_instance_uid, prepared.length)


def _bytes_of(arrival: Arrival) -> Iterator[Bytes]:
    if arrival.spool is not None:
        with arrival.spool.view() as view:
            yield view

"""The index made again from the blobs alone, or brought up to them.

Keys tell whose an instance is, who sent it and when; blobs tell the rest. Each blob that no row names is recorded, in
the order of arrival, by the same rules by which it was recorded when it came: so that an index made from nothing is
the one that was lost. Rows that exist keep their numbers, since requests and reports refer to them; what they say
wrongly is corrected, and no row is removed. Doing it again changes nothing. Each site stands alone, as its patients do.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection, select

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.blobs import BlobInfo
from storage.changes import last_position, move_cursor
from storage.correcting import correct
from storage.database import Database
from storage.declarations import read_declarations
from storage.derived import correct_counts, wrong_counts
from storage.errors import Corrupt, Invalid, NotFound
from storage.pack import Member, members_of
from storage.pack_name import PackName, is_pack, parse_key
from storage.prepared import Prepared
from storage.put_back import move_row
from storage.references import named_places, pages
from storage.rereading import Senders, offer, reread
from storage.sites import Site, all_sites, put_node, put_site
from storage.sweep import GRACE
from storage.tables import instance
from storage.unnamed import recorded_elsewhere

log = structlog.get_logger(__name__)

READERS = 8
"""Blobs that are read at once: over a network, waiting is most of it."""
BATCH = 100
"""Blobs recorded in one transaction."""


@dataclass
class Reindexed:
    """What was done: blobs seen, recorded (stored or held aside), rows corrected, and blobs left, with the reason."""

    from_nothing: bool = False
    sites: int = 0
    blobs: int = 0
    recorded: int = 0
    corrected: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


def count_blobs(archive: Archive, site_code: str = "") -> Counter[str]:
    """How many instances each site has among the blobs; a listing, no more."""
    counts: Counter[str] = Counter()
    for info in archive.blobs.list(f"{site_code}/" if site_code else ""):
        if name := _name(info):
            counts[name.site] += name.count if isinstance(name, PackName) else 1
    return counts


def reindex(
    archive: Archive,
    counts: Counter[str],
    progress: Callable[[int], None] = lambda _: None,
    *,
    followers: tuple[str, ...] = (),
) -> Reindexed:
    """Bring the index up to the blobs of the sites in `counts`. Told to `progress` are blobs seen to.

    Of an index made from nothing all studies are old: `followers` of the change feed do not hear of them.
    """
    done = Reindexed(from_nothing=_is_empty(archive))
    declare_sites(archive, counts, done)
    for code in sorted(counts):
        with ThreadPoolExecutor(READERS, thread_name_prefix="reindex") as readers:
            for batch in pages(_in_order_of_arrival(archive, code, done), BATCH):
                _take_batch(archive, readers, batch, done, followers)
                progress(len(batch))
        _correct_counts(archive, code, done)
    log.info("reindexed", sites=done.sites, blobs=done.blobs, recorded=done.recorded, left=len(done.left))
    return done


def declare_sites(archive: Archive, counts: Counter[str], done: Reindexed) -> None:
    """Sites and nodes as they were last declared; a site of which nothing was kept is made from its code."""
    declared = read_declarations(archive.blobs)
    with archive.database.write() as connection:
        known = {site.code for site in all_sites(connection)}
        for declaration in declared.values():
            done.sites += put_site(archive.database, connection, declaration.site)
            for node in declaration.nodes:
                put_node(archive.database, connection, node)
        for code in sorted(set(counts) - known - set(declared)):
            done.sites += put_site(archive.database, connection, _undeclared(code))
            log.warning("site undeclared", site=code, do="declare it with 'farlight network apply'")


def _undeclared(code: str) -> Site:
    return Site(code, code, "", "county", "Asia/Shanghai")


def _is_empty(archive: Archive) -> bool:
    with archive.database.read() as connection:
        return connection.execute(select(instance.c.id).limit(1)).scalar() is None


def _name(info: BlobInfo) -> BlobName | PackName | None:
    try:
        return parse_key(info.key)
    except Invalid:
        return None


def _in_order_of_arrival(archive: Archive, code: str, done: Reindexed) -> Iterator[Member]:
    """A site's instances, received ones and our reports together. Each listing is in the order of time already, of
    packs in that of their first instances: the others wait until it is their turn."""
    listings = [archive.blobs.list(f"{code}/{origin}/") for origin in ("received", "report")]
    blobs = heapq.merge(
        *(filter(_name, listing) for listing in listings), key=lambda info: info.key.split("/", 2)[2]
    )
    waiting: list[tuple[datetime, bool, str, int, Member]] = []
    for info in blobs:
        members = _members(archive, info, done)
        first = min((one.name.received_at for one in members), default=None)
        while waiting and first is not None and waiting[0][0] < first:
            yield heapq.heappop(waiting)[-1]
        for one in members:
            turn = (one.name.received_at, is_pack(one.blob_key), one.blob_key, one.blob_offset, one)
            heapq.heappush(waiting, turn)
    while waiting:
        yield heapq.heappop(waiting)[-1]


def _members(archive: Archive, info: BlobInfo, done: Reindexed) -> list[Member]:
    try:
        return members_of(archive.blobs, info)
    except (Corrupt, NotFound) as why:
        log.warning("blob left", key=info.key, why=why.message)
        done.left.append((info.key, why.message))
        return []


def _take_batch(
    archive: Archive,
    readers: ThreadPoolExecutor,
    batch: list[Member],
    done: Reindexed,
    followers: tuple[str, ...],
) -> None:
    with archive.database.read() as connection:
        senders = Senders.of(connection)
    found = list(readers.map(lambda one: _reread(archive, one, senders), batch))
    readable = [one for one in found if isinstance(one, Prepared)]
    done.blobs += len(batch)
    done.left += [one for one in found if not isinstance(one, Prepared)]
    with archive.database.write() as connection:
        named = named_places(connection, [one.blob_key for one in readable])
        unnamed = [one for one in readable if one.place not in named]
        signing = [one for one in unnamed if not done.from_nothing and _in_signing(one)]
        offered = [one for one in unnamed if one not in signing]
        offer(archive.database, connection, offered)
        if done.from_nothing:
            _pass_over(archive.database, connection, followers)
        else:
            done.corrected += correct(connection, readable)
        now_named = named_places(connection, [one.blob_key for one in offered])
        done.recorded += len(now_named.intersection(one.place for one in offered))
        done.left += [
            (one.blob_key, "it may be in signing just now: do this again in an hour") for one in signing
        ]
    copies = [one for one in offered if one.place not in now_named]
    done.corrected += sum(_serves_as_other(archive, one) for one in copies)


def _serves_as_other(archive: Archive, copy: Prepared) -> bool:
    """A row that names a blob which is gone names this copy instead: a database restored from before the instance was
    packed says where it lay then."""
    places = recorded_elsewhere(archive, copy)
    if not places or any(archive.blobs.holds(key, offset + copy.length) for key, offset in places):
        return False
    with archive.database.write() as connection:
        return any(move_row(connection, place, copy.place) for place in places)


def _pass_over(database: Database, connection: Connection, followers: tuple[str, ...]) -> None:
    for consumer in followers:
        move_cursor(database, connection, consumer, last_position(connection))


def _in_signing(found: Prepared) -> bool:
    """A document of ours that is not recorded may be about to be, by whoever signs it just now, or to be dropped.
    Without an index there is nobody who could be signing."""
    return found.blob.origin == "report" and found.blob.received_at > datetime.now(UTC) - GRACE


def _reread(archive: Archive, member: Member, senders: Senders) -> Prepared | tuple[str, str]:
    """The instance, or its key and why it is left."""
    try:
        return reread(archive, member, senders)
    except (Invalid, Corrupt, NotFound) as why:
        log.warning("blob left", key=member.name.key, why=why.message)
        return member.name.key, why.message


def _correct_counts(archive: Archive, code: str, done: Reindexed) -> None:
    with archive.database.read() as connection:
        wrong = [one.study for one in wrong_counts(connection, code)]
    if wrong:
        with archive.database.write() as connection:
            done.corrected += correct_counts(connection, wrong)

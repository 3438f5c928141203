"""Blobs that no row names: what a crash between keeping and recording left.

Such a blob arrived whole and was not acknowledged. Most often its sender sent it again, and the same bytes are
recorded under another key: then it is removed. If not, it may be the only copy there is: an image is offered to the
index as its sender would offer it, and nothing else is ever deleted. A document of ours is removed if its report was
signed again since, and left alone otherwise: a report that was not signed must not appear.

This cannot race with whoever sends the same again: every attempt has a key of its own, by its time, so that no new
row names an old blob; and the attempt that kept this very blob, should it still live, finds its bytes recorded.

If the index itself was lost, nearly nothing is named, and the bytes are not recorded under other keys either, as they
are after a busy hour of cuts. Then a sweep would be the worst of all remedies: it does nothing, and says that the
index must be made again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.blobs import BlobInfo, BlobStore
from storage.changes import move_cursor, read_cursor
from storage.errors import Invalid
from storage.leaving import among_left
from storage.left_blobs import see_to_left
from storage.pack_name import PackName, parse_key
from storage.references import named_keys, pages
from storage.rereading import Senders
from storage.sites import all_sites
from storage.unnamed import Fate, is_recorded_elsewhere, see_to_blob

log = structlog.get_logger(__name__)

GRACE = timedelta(hours=1)
"""A blob younger than this may still be on its way into the index."""
REST = 24
"""So many times longer what rows left stays: whoever copies database and blobs for a backup takes hours, and must find
each instance where the index said, or where it lies since."""
MAX_UNNAMED, MAX_SHARE = 20, 0.01
"""More unnamed blobs of unknown bytes than both allow are no remains of crashes: the index was lost."""
AT_ONCE = 10_000
"""Unnamed blobs that one sweep sees to; what is more waits for the next."""
_CONSUMER = "sweep"
_CLOCK = "clock/"
_Blob = tuple[BlobInfo, BlobName | PackName]


@dataclass
class Swept:
    """What a sweep did."""

    looked_at: int = 0
    unnamed: int = 0
    index_lost: bool = False
    fates: Counter[Fate] = field(default_factory=Counter)


def sweep(
    archive: Archive,
    *,
    grace: timedelta = GRACE,
    everything: bool = False,
    stopped: Callable[[], bool] = bool,
) -> Swept:
    """See to every blob that is older than `grace` and that no row names.

    Older by the store's clock and by the time in its name, whichever is later. Only days since the last sweep are
    looked at, unless `everything`, and what rows have left, whenever it came, `REST` times as long ago. Ends
    early, and begins there again the next time, once `stopped` says so.
    """
    begun = datetime.now(UTC) - grace
    swept = Swept()
    swept.fates.update(see_to_left(archive, grace=grace * REST, stopped=stopped))
    unnamed: list[_Blob] = []
    prefixes = [""] if everything else _prefixes(archive, begun.date())
    for page in pages(_old_blobs(archive, prefixes, begun, _store_time(archive.blobs) - grace)):
        if stopped():
            return swept
        swept.looked_at += len(page)
        unnamed += _unnamed(archive, page)[: AT_ONCE - len(unnamed)]
    swept.unnamed = len(unnamed)
    if _more_unknown_than(archive, unnamed, int(max(MAX_UNNAMED, MAX_SHARE * swept.looked_at))):
        swept.index_lost = True
        log.error("index lost", unnamed=swept.unnamed, of=swept.looked_at, do="run 'farlight reindex'")
        return swept
    for page in pages(unnamed):
        if stopped():
            return swept
        _see_to(archive, page, swept)
    if swept.unnamed < AT_ONCE:
        _remember(archive, begun.date())
    fates = {fate.name.lower(): swept.fates[fate] for fate in Fate}
    log.info("swept", looked_at=swept.looked_at, unnamed=swept.unnamed, **fates)
    return swept


def unnamed_blobs(archive: Archive, site_code: str = "", *, grace: timedelta = GRACE) -> Iterator[_Blob]:
    """Every blob of an instance that is older than `grace` and that no row names."""
    prefixes = [f"{site_code}/" if site_code else ""]
    named_before, put_before = datetime.now(UTC) - grace, _store_time(archive.blobs) - grace
    for page in pages(_old_blobs(archive, prefixes, named_before, put_before)):
        yield from _unnamed(archive, page)


def clear_incoming(folder: Path, older_than: timedelta = timedelta(days=1)) -> int:
    """Remove files that a crashed process left in the folder for what is arriving; returns how many."""
    limit, removed = time.time() - older_than.total_seconds(), 0
    for path in [path for path in sorted(folder.rglob("*"), reverse=True) if _changed_at(path) < limit]:
        with suppress(OSError):  # somebody was faster, or the folder is not empty
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
                removed += 1
    return removed


def _changed_at(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return time.time()


def _store_time(blobs: BlobStore) -> datetime:
    """What the store's own clock says now: when it says that a blob was put just now."""
    key = f"{_CLOCK}now"
    blobs.delete(key)
    blobs.put(key, [b""])
    return next((info.modified_at for info in blobs.list(_CLOCK) if info.key == key), datetime.now(UTC))


def _old_blobs(
    archive: Archive, prefixes: Iterable[str], named_before: datetime, put_before: datetime
) -> Iterator[_Blob]:
    for prefix in prefixes:
        for info in archive.blobs.list(prefix):
            try:
                name = parse_key(info.key)
            except Invalid:
                continue  # no instance's: a site's declaration, or nothing of ours
            named_at = name.made_at if isinstance(name, PackName) else name.received_at
            if named_at < named_before and info.modified_at < put_before:
                yield info, name


def _prefixes(archive: Archive, today: date) -> Iterator[str]:
    """The folders of the days since the last sweep, and of the day before: a pack lies where its first instance would,
    which may have come before midnight. All there is if there was no sweep."""
    with archive.database.read() as connection:
        swept = read_cursor(connection, _CONSUMER)
        codes = [site.code for site in all_sites(connection)]
    if not swept:
        yield ""
        return
    for code in codes:
        for origin in ("received", "report"):
            for day in range(min(swept, today.toordinal()) - 1, today.toordinal() + 1):
                yield f"{code}/{origin}/{date.fromordinal(day):%Y-%m-%d}/"


def _remember(archive: Archive, day: date) -> None:
    with archive.database.write() as connection:
        move_cursor(archive.database, connection, _CONSUMER, day.toordinal())


def _unnamed(archive: Archive, page: list[_Blob]) -> list[_Blob]:
    with archive.database.read() as connection:
        keys = [info.key for info, _ in page]
        known = named_keys(connection, keys) | among_left(connection, keys)
    return [(info, name) for info, name in page if info.key not in known]


def _more_unknown_than(archive: Archive, unnamed: list[_Blob], limit: int) -> bool:
    """Whether more than `limit` of the blobs are of bytes that no row knows; looks no further than it must."""
    if len(unnamed) <= limit:
        return False
    with archive.database.read() as connection:
        senders = Senders.of(connection)
    unknown = 0
    for info, _ in unnamed:
        unknown += not is_recorded_elsewhere(archive, info, senders)
        if unknown > limit:
            return True
    return False


def _see_to(archive: Archive, page: list[_Blob], swept: Swept) -> None:
    with archive.database.read() as connection:
        senders = Senders.of(connection)
    for info, _ in page:
        swept.fates[see_to_blob(archive, info, senders)] += 1

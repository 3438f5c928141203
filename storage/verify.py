"""Whether the archive is whole: every row against its blob, every blob against its hash, every figure against its rows.

Everything is read in pages, blobs in pieces and several at once; a service that runs meanwhile does no harm. What can
be made again from the blobs is, when asked. What cannot is named by its site and UIDs, never by a patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, select

from storage import audit
from storage.archive import Archive
from storage.blob_name import BlobName
from storage.correcting import correct, differences
from storage.damage import set_aside, take_out
from storage.derived import correct_counts, strange_links, wrong_counts
from storage.errors import Corrupt, Invalid, NotFound, Unavailable
from storage.pack import Member, Tables
from storage.pack_name import is_pack
from storage.prepared import Prepared
from storage.references import PAGE
from storage.rereading import Senders, reread
from storage.sweep import GRACE, sweep, unnamed_blobs
from storage.tables import held_aside, instance, series, study

READERS = 8
"""Blobs that are read at once."""


class Fault(StrEnum):
    """What can be wrong."""

    MISSING = "blob missing"
    CORRUPT = "blob corrupt"
    UNREADABLE = "blob unreadable"
    PACK = "pack does not say what it holds"
    ROW = "row differs from its blob"
    COUNTS = "counts differ from the rows"
    LINK = "row belongs to another hospital"
    UNNAMED = "blob that no row names"
    AUDIT = "audit record broken"
    REPORT = "report not intact"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, and what of it; `mended` tells whether it is right again."""

    fault: Fault
    where: str
    what: str = ""
    mended: bool = False


@dataclass(frozen=True)
class _Checked:
    row: Any
    fault: Fault | None = None
    found: Prepared | None = None
    what: str = ""


def count_rows(archive: Archive, site_code: str = "") -> int:
    """Rows that name a blob."""
    with archive.database.read() as connection:
        return sum(
            connection.execute(
                select(func.count()).select_from(table).where(*_of_site(table, site_code))
            ).scalar_one()
            for table in (instance, held_aside)
        )


def verify_blobs(
    archive: Archive,
    site_code: str = "",
    *,
    repair: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Problem]:
    """Every row that names a blob, with the blob. Told to `progress` are rows seen to."""
    tables = Tables(archive.blobs)
    with archive.database.read() as connection:
        senders = Senders.of(connection)
    with ThreadPoolExecutor(READERS, thread_name_prefix="verify") as readers:
        for page in _pages(archive, _instances(site_code), instance.c.id):
            for checked in readers.map(lambda row: _check_instance(archive, row, senders, tables), page):
                yield from _judge(archive, checked, repair)
            progress(len(page))
        for page in _pages(archive, _asides(site_code), held_aside.c.id):
            for checked in readers.map(lambda row: _check_place(archive, row, tables), page):
                yield from _judge(archive, checked, repair)
            progress(len(page))


def verify_figures(archive: Archive, site_code: str = "", *, repair: bool = False) -> Iterator[Problem]:
    """Counts, modalities, epochs and times; and whether patient, study and instances are of one hospital."""
    with archive.database.read() as connection:
        wrong = list(wrong_counts(connection, site_code))
        strange = list(strange_links(connection, site_code))
    if repair and wrong:
        with archive.database.write() as connection:
            correct_counts(connection, [one.study for one in wrong])
    for one in wrong:
        where = f"{one.site} {one.table.name} {one.uid}"
        yield Problem(Fault.COUNTS, where, ", ".join(sorted(one.values)), mended=repair)
    for site, uid in strange:
        yield Problem(Fault.LINK, f"{site} study {uid}")


def verify_unnamed(
    archive: Archive, site_code: str = "", *, repair: bool = False, grace: timedelta = GRACE
) -> Iterator[Problem]:
    """Blobs older than `grace` that no row names; mended as a sweep would, and only if the index was not lost."""
    keys = [info.key for info, _ in unnamed_blobs(archive, site_code, grace=grace)]
    if keys and repair and sweep(archive, grace=grace, everything=True).index_lost:
        yield Problem(Fault.UNNAMED, f"{len(keys)} blobs", "the index was lost: run 'farlight reindex'")
        return
    still = {info.key for info, _ in unnamed_blobs(archive, site_code, grace=grace)} if repair else set(keys)
    for key in keys:
        yield Problem(Fault.UNNAMED, key, mended=key not in still)


def verify_audit(archive: Archive) -> Iterator[Problem]:
    """The chain of the record of acts."""
    with archive.database.read() as connection:
        for row in audit.broken_rows(connection):
            yield Problem(Fault.AUDIT, f"audit row {row}", "its content or its link does not match its hash")


def _of_site(table: Any, site_code: str) -> tuple[Any, ...]:
    return (table.c.site == site_code,) if site_code else ()


def _instances(site_code: str) -> Select[Any]:
    return (
        select(instance, series.c.series_instance_uid, study.c.study_instance_uid)
        .join(series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(*_of_site(instance, site_code))
    )


def _asides(site_code: str) -> Select[Any]:
    return select(held_aside).where(*_of_site(held_aside, site_code))


def _pages(archive: Archive, query: Select[Any], number: Any) -> Iterator[list[Any]]:
    last = 0
    while True:
        with archive.database.read() as connection:
            page = list(connection.execute(query.where(number > last).order_by(number).limit(PAGE)))
        if not page:
            return
        last = page[-1].id
        yield page


def _check_bytes(archive: Archive, row: Any) -> _Checked:
    """All of the blob: its length and its hash."""
    length, digest = 0, hashlib.sha256()
    try:
        # of a blob that is one instance everything is read, so that bytes too many are found as well
        wanted = row.length if is_pack(row.blob_key) else None
        for piece in archive.blobs.chunks(row.blob_key, row.blob_offset, wanted):
            digest.update(piece)
            length += len(piece)
    except NotFound:
        return _Checked(row, Fault.MISSING)
    except Corrupt:
        return _Checked(row, Fault.CORRUPT, what="it is shorter than its row says")
    except Unavailable as why:
        archive.blobs.check()  # raises if it is the store that is away, and not this blob that a disk cannot read
        return _Checked(row, Fault.UNREADABLE, what=why.message)
    if length != row.length:
        return _Checked(row, Fault.CORRUPT, what=f"it has {length} bytes, not {row.length}")
    if digest.hexdigest() != row.sha256:
        return _Checked(row, Fault.CORRUPT, what="its bytes are not those that were kept")
    return _Checked(row)


def _check_place(archive: Archive, row: Any, tables: Tables) -> _Checked:
    """The bytes, and that whoever has lost the index would find them by what their pack says."""
    checked = _check_bytes(archive, row)
    if checked.fault is not None or not is_pack(row.blob_key):
        return checked
    try:
        member = tables.find(row.blob_key, row.blob_offset)
    except NotFound:
        return _Checked(row, Fault.MISSING)
    except Corrupt as why:
        return _Checked(row, Fault.PACK, what=why.message)
    if (member.length, member.name.site, member.name.sha256) != (row.length, row.site, row.sha256):
        return _Checked(row, Fault.PACK, what="its table says another length, site or hash")
    return checked


def _check_instance(archive: Archive, row: Any, senders: Senders, tables: Tables) -> _Checked:
    checked = _check_place(archive, row, tables)
    if checked.fault is Fault.MISSING and (now := _moved_row(archive, row)) is not None:
        return _check_instance(archive, now, senders, tables)
    if checked.fault is not None:
        return checked
    try:
        member = _member(row, tables)
        found = reread(archive, member, senders)
    except (NotFound, Corrupt):
        return _Checked(row, Fault.MISSING)  # since it was read a moment ago
    except Invalid as why:
        return _Checked(row, Fault.ROW, what=why.message)
    name = member.name
    if (name.site, name.origin, name.sha256) != (row.site, row.origin, row.sha256):
        return _Checked(row, Fault.ROW, what="its key says another site, origin or hash")
    if moved := _moved(row, found):
        return _Checked(row, Fault.ROW, what=moved)
    wrong = differences(row, found)
    return _Checked(row, Fault.ROW, found, ", ".join(sorted(wrong))) if wrong else checked


def _moved_row(archive: Archive, row: Any) -> Any:
    """The row as it is by now, if the instance was packed since its page was read."""
    with archive.database.read() as connection:
        now = connection.execute(_instances("").where(instance.c.id == row.id)).first()
    return now if now is not None and now.blob_key != row.blob_key else None


def _member(row: Any, tables: Tables) -> Member:
    if is_pack(row.blob_key):
        return tables.find(row.blob_key, row.blob_offset)
    return Member(BlobName.parse(row.blob_key), row.blob_key, 0, row.length)


def _moved(row: Any, found: Prepared) -> str:
    """An identity that differs cannot be mended by changing the row: it would be another row."""
    uids = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")
    return ", ".join(name for name in uids if getattr(row, name) != getattr(found.header, name))


def _judge(archive: Archive, checked: _Checked, repair: bool) -> Iterator[Problem]:
    if checked.fault is None:
        return
    mended, what = False, checked.what
    if repair and checked.fault is Fault.ROW and checked.found is not None:
        with archive.database.write() as connection:
            mended = correct(connection, [checked.found]) > 0
    if repair and checked.fault is Fault.CORRUPT:
        mended = set_aside(archive, checked.row)
        what += "; it has been put right meanwhile" if mended else "; set aside: have it sent again"
    if repair and checked.fault is Fault.PACK:
        mended = take_out(archive, checked.row)
    yield Problem(checked.fault, _where(checked.row), what, mended)


def _where(row: Any) -> str:
    return f"{row.site} study {row.study_instance_uid} series {row.series_instance_uid} instance {row.sop_instance_uid}"

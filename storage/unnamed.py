"""What becomes of a blob that no row names: it is taken into the index, or it is a copy and goes, or it is left."""

from __future__ import annotations

from enum import StrEnum

import structlog
from sqlalchemy import select

from storage.archive import Archive
from storage.blobs import BlobInfo
from storage.errors import Corrupt, Invalid, NotFound
from storage.pack import members_of
from storage.pack_name import parse_key
from storage.prepared import Prepared
from storage.references import named_keys
from storage.rereading import Senders, offer, reread
from storage.tables import held_aside, instance

log = structlog.get_logger(__name__)


class Fate(StrEnum):
    """What became of an unnamed blob. `LEFT` are those not understood, or not a sweep's to decide."""

    REMOVED = "removed"
    TAKEN_IN = "taken in"
    LEFT = "left"


def see_to_blob(archive: Archive, info: BlobInfo, senders: Senders) -> Fate:
    """All of it is read, compared with its hash, and offered to the index as its sender would offer it.

    Raises `NotFound` if it is gone meanwhile, `Unavailable`.
    """
    try:
        members = members_of(archive.blobs, info)
        found = [reread(archive, one, senders, whole=True) for one in members]
    except (Invalid, Corrupt) as why:
        log.warning("unnamed blob left", key=info.key, why=why.message)
        return Fate.LEFT
    is_document = parse_key(info.key).origin == "report"
    return _see_to_documents(archive, found) if is_document else _see_to_images(archive, found)


def is_recorded_elsewhere(archive: Archive, info: BlobInfo, senders: Senders) -> bool:
    """Whether rows name the same bytes in other blobs, of a pack all of its instances."""
    try:
        members = members_of(archive.blobs, info)
        return all(recorded_elsewhere(archive, reread(archive, one, senders)) for one in members)
    except (Invalid, Corrupt, NotFound):
        return False


def _see_to_images(archive: Archive, found: list[Prepared]) -> Fate:
    """All instances of one blob: it is needed if one of them is."""
    with archive.database.write() as connection:
        offer(archive.database, connection, found)
        if named_keys(connection, [one.blob_key for one in found]):
            return Fate.TAKEN_IN
    return _remove(archive, found) if all(_is_kept_elsewhere(archive, one) for one in found) else Fate.LEFT


def _is_kept_elsewhere(archive: Archive, found: Prepared) -> bool:
    """The same bytes are recorded under another key; they must also be there."""
    places = recorded_elsewhere(archive, found)
    return any(archive.blobs.holds(key, offset + found.length) for key, offset in places)


def recorded_elsewhere(archive: Archive, found: Prepared) -> list[tuple[str, int]]:
    """Places in other blobs where rows have the same bytes."""
    blob, header = found.blob, found.header
    same = (
        select(instance.c.blob_key, instance.c.blob_offset).where(
            instance.c.site == blob.site,
            instance.c.sop_instance_uid == header.sop_instance_uid,
            instance.c.sha256 == blob.sha256,
        ),
        select(held_aside.c.blob_key, held_aside.c.blob_offset).where(
            held_aside.c.site == blob.site, held_aside.c.sha256 == blob.sha256
        ),
    )
    with archive.database.read() as connection:
        rows = [row for query in same for row in connection.execute(query)]
    return [(row.blob_key, row.blob_offset) for row in rows if row.blob_key != found.blob_key]


def _see_to_documents(archive: Archive, found: list[Prepared]) -> Fate:
    """A document whose UID is known has been made again since: its report was signed at another attempt."""
    return _remove(archive, found) if all(_is_known(archive, one) for one in found) else Fate.LEFT


def _is_known(archive: Archive, found: Prepared) -> bool:
    query = select(instance.c.id).where(
        instance.c.site == found.blob.site, instance.c.sop_instance_uid == found.header.sop_instance_uid
    )
    with archive.database.read() as connection:
        return connection.execute(query).scalar() is not None


def _remove(archive: Archive, found: list[Prepared]) -> Fate:
    """Look once more, then delete the blob."""
    with archive.database.read() as connection:
        if named_keys(connection, [one.blob_key for one in found]):
            return Fate.LEFT
    for key in {one.blob_key for one in found}:
        archive.blobs.delete(key)
    return Fate.REMOVED

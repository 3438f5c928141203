"""An instance read again from its blob, as it was read when it came: what verifying and rebuilding go by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from sqlalchemy import Connection, select

from storage.archive import Archive
from storage.blob_name import BlobName
from storage.blob_view import view_instance
from storage.blobs import BlobStore
from storage.database import Database
from storage.errors import Corrupt
from storage.header import read_header
from storage.pack import Member
from storage.pack_name import is_pack
from storage.part10 import inspect_file
from storage.prepared import Prepared, Sender
from storage.records import record_batch
from storage.sites import Node, all_nodes
from storage.tables import patient, study


class Senders:
    """What is assumed of each sender's data sets, as it is declared now."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = list(nodes)

    @classmethod
    def of(cls, connection: Connection) -> Senders:
        """By the nodes in force."""
        return cls(all_nodes(connection))

    def find(self, name: BlobName) -> Sender:
        """By its AE title; whoever is no node sends what the site's nodes agree on, the first that says."""
        of_site = [node for node in self._nodes if node.site == name.site]
        titled = [node for node in of_site if node.ae_title == name.sender]
        nodes = titled[:1] or of_site
        charset = next((node.charset for node in nodes if node.charset), "")
        issuer = next((node.issuer for node in nodes if node.issuer), "")
        return Sender(name.site, name.sender, charset, issuer)


def reread(archive: Archive, member: Member, senders: Senders, *, whole: bool = False) -> Prepared:
    """The instance in a blob or a pack; `whole` compares all of it with its hash first.

    Raises `Invalid` for what is no instance of ours, `Corrupt` if it is not what was kept, `NotFound`.
    """
    name, length = member.name, member.length
    if whole and sha256_of(archive.blobs, member) != name.sha256:
        raise Corrupt("these are not the bytes that were kept")
    sender = senders.find(name)
    with view_instance(
        archive.blobs, member.blob_key, length, archive.incoming, offset=member.blob_offset
    ) as view:
        file = inspect_file(view)
        header = read_header(view[file.dataset_offset :], 0, file.transfer_syntax_uid, sender.charset)
    found = Prepared(header, sender, name, length, file.dataset_offset)
    return found.packed_into(member) if is_pack(member.blob_key) else found


def offer(database: Database, connection: Connection, batch: Iterable[Prepared]) -> None:
    """Offer instances to the index as their senders did, in the order given; what it says of them is in its rows."""
    for origin, same in groupby(batch, key=lambda one: one.blob.origin):
        received = origin == "received"
        record_batch(
            database, connection, [one if received else _with_issuer(connection, one) for one in same]
        )


def _with_issuer(connection: Connection, found: Prepared) -> Prepared:
    """A document of ours is about the patient of its study, whoever issued the ID: so it was when it was signed."""
    query = (
        select(patient.c.issuer)
        .join(study, study.c.patient == patient.c.id)
        .where(study.c.site == found.blob.site)
        .where(study.c.study_instance_uid == found.header.study_instance_uid)
    )
    issuer = connection.execute(query).scalar_one_or_none()
    return found if issuer is None else replace(found, sender=replace(found.sender, issuer=issuer))


def sha256_of(blobs: BlobStore, member: Member) -> str:
    """Of an instance's bytes, in hexadecimal digits; never all of them in memory."""
    digest = hashlib.sha256()
    for piece in blobs.chunks(member.blob_key, member.blob_offset, member.length):
        digest.update(piece)
    return digest.hexdigest()

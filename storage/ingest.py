"""The one door: every instance comes in here, whatever wire brought it.

    spool     bytes to an unnamed file, hashed on the way     nothing is kept yet
    prepare   read the header, name the blob
    keep      the blob store has the bytes                    contents durable, unreferenced, invisible
    settle    and their names                                 durable, unreferenced, invisible
    record    rows, in one transaction                        visible when it commits

The last two are done for all threads that are ready together (`storage.group_commit`). A crash before the commit
leaves at most an unreferenced blob. Success may be answered once the transaction has committed, and not before.
Nothing is ever overwritten: other bytes under a known identity are held aside, and the hospital's technician sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from storage.archive import Archive
from storage.blob_name import BlobName, Origin
from storage.blobs import FolderBlobs
from storage.errors import Invalid, Unavailable
from storage.header import EarlyHeader, Header, read_header
from storage.part10 import file_header, inspect_file, is_directory
from storage.prepared import Claim, Prepared, Sender, plain_uid
from storage.put_back import put_back
from storage.receipt import Aside, Outcome, Receipt
from storage.records import held_already, record, record_batch
from storage.spool import Spool
from storage.structure import Buffer

__all__ = [
    "Aside",
    "Claim",
    "Outcome",
    "Prepared",
    "Receipt",
    "Sender",
    "ingest",
    "ingest_file",
    "ingest_spooled",
    "keep_document",
    "prepare",
    "record",
    "record_batch",
]

_PIECE = 1 << 20
_ASK_FIRST = 8 << 20
"""An instance of so many bytes is not kept before the index was asked whether it has it. To keep a smaller one in a
folder and drop it again is cheaper than to ask about all those that are new."""


def ingest_file(archive: Archive, buffer: Buffer, sender: Sender) -> Receipt:
    """Take a file in whatever form it has. Raises `Invalid` for what is no DICOM instance."""
    if is_directory(buffer):
        raise Invalid("this is a DICOMDIR, a list of files; import the folder it lies in")
    info = inspect_file(buffer)
    return ingest(archive, memoryview(buffer)[info.dataset_offset :], info.transfer_syntax_uid, sender)


def ingest(archive: Archive, dataset: Buffer, transfer_syntax_uid: str, sender: Sender) -> Receipt:
    """Take one encoded data set in; durable when this returns.

    Raises `Invalid` for a data set that cannot be identified or is truncated, `Unavailable` if it cannot be kept
    now. In both cases nothing of it is visible.
    """
    header = read_header(dataset, 0, transfer_syntax_uid, sender.charset)
    with _spooled(archive, header, dataset) as spool:
        offset = spool.size - len(dataset)
        return _take_in(archive, spool, prepare(header, spool, offset, sender))


def ingest_spooled(
    archive: Archive, spool: Spool, claim: Claim, sender: Sender, early: EarlyHeader | None = None
) -> Receipt:
    """Take in what a wire has spooled: `claim.head`, then the data set as it came. Durable when this returns. `early`
    is what the wire could read of it while it came.

    Raises `Invalid` ``SOP_CLASS_MISMATCH`` if the data set names another SOP class or instance than the claim (PS3.4
    B.2.3), and what `ingest` raises. The spool stays open; closing it is the caller's.
    """
    offset = len(claim.head)
    header = early.of(spool.size - offset) if early else None
    if header is None:
        with spool.view() as view:
            # frames are counted from where the data set begins, whatever stands before it
            header = read_header(view[offset:], 0, claim.transfer_syntax_uid, sender.charset)
    _require_same_object(header, claim)
    return _take_in(archive, spool, prepare(header, spool, offset, sender))


def keep_document(archive: Archive, dataset: Buffer, transfer_syntax_uid: str, sender: Sender) -> Prepared:
    """Keep the bytes of a document of our own, durably; it is visible once the caller has called `record`."""
    header = read_header(dataset, 0, transfer_syntax_uid, sender.charset)
    with _spooled(archive, header, dataset) as spool:
        prepared = prepare(header, spool, spool.size - len(dataset), sender, origin="report")
        archive.blobs.keep(prepared.blob_key, spool)
    archive.blobs.settle([prepared.blob_key])
    return prepared


def prepare(
    header: Header, spool: Spool, dataset_offset: int, sender: Sender, *, origin: Origin = "received"
) -> Prepared:
    """Name what has been spooled and read: it was received now."""
    blob = BlobName.of(sender.site, origin, datetime.now(UTC), sender.name, spool.sha256)
    return Prepared(header, sender, blob, spool.size, dataset_offset)


@contextmanager
def _spooled(archive: Archive, header: Header, dataset: Buffer) -> Iterator[Spool]:
    """A data set in the form in which it is kept."""
    with archive.spool() as spool:
        spool.write(file_header(header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid))
        for start in range(0, len(dataset), _PIECE):
            spool.write(dataset[start : start + _PIECE])
        yield spool


def _require_same_object(header: Header, claim: Claim) -> None:
    for found, claimed, name in (
        (header.sop_class_uid, claim.sop_class_uid, "(0008,0016) SOPClassUID"),
        (header.sop_instance_uid, claim.sop_instance_uid, "(0008,0018) SOPInstanceUID"),
    ):
        if found != plain_uid(claimed):
            raise Invalid(f"{name} is not that of the command", code="SOP_CLASS_MISMATCH")


def _take_in(archive: Archive, spool: Spool, prepared: Prepared) -> Receipt:
    place = _held_already(archive, prepared)
    if place is not None:
        receipt = prepared.receipt(Outcome.DUPLICATE, place=place)
    else:
        prepared.pack()
        receipt = archive.arrive(prepared, spool)
    if not receipt.names_kept:
        put_back(archive, spool, receipt)
        with suppress(Unavailable):  # nobody refers to it: it is swept if it cannot be dropped now
            archive.blobs.delete(prepared.blob_key)
    return receipt


def _held_already(archive: Archive, prepared: Prepared) -> tuple[str, int] | None:
    """Where the index has these very bytes, if it is worth asking."""
    if prepared.length < _ASK_FIRST and isinstance(archive.blobs, FolderBlobs):
        return None
    with archive.database.read() as connection:
        return held_already(connection, prepared)

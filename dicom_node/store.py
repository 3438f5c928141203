"""C-STORE as provider (PS3.4 Annex B): one data set through the one door, and the status that is true of it.

Success is answered after `ingest` returned, that is, after bytes and index are durable. A duplicate and an instance
held aside are success too: whatever the sender deletes now, we have.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import structlog
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dicom_node.incoming import IncomingDataSet
from dicom_node.status import MISMATCH, SUCCESS, failure, status_elements
from storage.archive import Archive
from storage.errors import Error, Invalid
from storage.ingest import Outcome, Sender, ingest
from storage.structure import Buffer, Encoding

log = structlog.get_logger("farlight.dicom_node")

FAILED = "FAILED"
"""The outcome of an instance that was not taken; the others are `storage.ingest.Outcome`."""

_HEAD_BYTES = 64 << 10
_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x00080016, 0x00080018


@dataclass(frozen=True)
class StoreRequest:
    """What a C-STORE-RQ says beside its data set."""

    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True)
class StoreAnswer:
    """The elements of the response, and the outcome for those who count."""

    elements: Dataset
    outcome: str


def store(
    archive: Archive, request: StoreRequest, data_set: IncomingDataSet | None, sender: Sender
) -> StoreAnswer:
    """Take one instance in. Never raises: what went wrong is in the answer, and a bug of ours in the log too."""
    try:
        receipt_outcome = _take_in(archive, request, data_set, sender)
    except Error as why:
        log.warning(
            "instance refused", calling=sender.name, site=sender.site, code=why.code, reason=why.message
        )
        return StoreAnswer(failure(why), FAILED)
    except Exception as why:
        log.exception("instance failed", calling=sender.name, site=sender.site)
        return StoreAnswer(failure(why), FAILED)
    return StoreAnswer(status_elements(SUCCESS), receipt_outcome)


def _take_in(
    archive: Archive, request: StoreRequest, data_set: IncomingDataSet | None, sender: Sender
) -> Outcome:
    if data_set is None:
        raise Invalid("the C-STORE request brought no data set")
    with data_set.view() as view:
        _require_same_object(view, request)
        receipt = ingest(archive, view, request.transfer_syntax_uid, sender)
    if receipt.outcome is Outcome.HELD_ASIDE:
        log.warning("instance held aside", calling=sender.name, site=sender.site, reason=receipt.detail)
    return receipt.outcome


def _require_same_object(view: Buffer, request: StoreRequest) -> None:
    """Command and data set must name the same object (PS3.4 B.2.3). Raises `Invalid`.

    Only what can be read is compared; what is missing or broken is told by `ingest`, in better words.
    """
    head = _read_head(view, request.transfer_syntax_uid)
    for tag, affected, name in (
        (_SOP_CLASS_UID, request.affected_sop_class_uid, "(0008,0016) SOPClassUID"),
        (_SOP_INSTANCE_UID, request.affected_sop_instance_uid, "(0008,0018) SOPInstanceUID"),
    ):
        found = _plain_uid(head[tag].value) if tag in head else ""
        if found and found != _plain_uid(affected):
            raise Invalid(f"{name} is not that of the command", code=MISMATCH)


def _read_head(view: Buffer, transfer_syntax_uid: str) -> Dataset:
    """The elements up to (0008,0018), as far as they can be read."""
    head = bytes(view[:_HEAD_BYTES])
    with suppress(Exception):  # pydicom raises many kinds on broken data, and `ingest` will say what is wrong
        if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, _HEAD_BYTES)
        encoding = Encoding.of(transfer_syntax_uid)
        return read_dataset(BytesIO(head), encoding.implicit_vr, encoding.little_endian, stop_when=_is_past)
    return Dataset()


def _is_past(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > _SOP_INSTANCE_UID


def _plain_uid(value: object) -> str:
    return str(value).strip(" \0")

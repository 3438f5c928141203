"""Storage Commitment Push Model as provider (PS3.4 Annex J): we say in writing what we answer for.

The request is durable before it is answered. The report goes over the same association if that is still open a moment
later, else over one that we open to the registered node, again and again for days (PS3.4 J.3.3).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog
from pydicom import Dataset

from dicom_node.contexts import PLAIN, STORAGE_COMMITMENT
from dicom_node.destinations import find_destination
from dicom_node.negotiation import Proposal
from dicom_node.requestor import connect
from dicom_node.services import Context, Request, Response
from dicom_node.status import INVALID_ARGUMENT, NO_SUCH_INSTANCE, RESOURCE_LIMITATION, SUCCESS
from dicom_node.underway import MOST, Underway
from dicom_node.upper_layer import Aborted, Idle, Lost, Violation
from storage.archive import Archive
from storage.commitments import (
    TAKEN_FOR,
    Commitment,
    Findings,
    Reference,
    ask,
    postponed,
    report_now,
    reported,
    take_due,
    verify,
)
from storage.errors import Error, Invalid, Unavailable
from storage.identity import MAX_UID_LENGTH, required_uid

log = structlog.get_logger("farlight.dicom_node")

PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known instance (PS3.4 J.3.5)."""
REQUEST_COMMITMENT = 1
ALL_HELD, SOME_FAILED = 1, 2
MAX_REFERENCES = 50_000
MAX_INFORMATION_BYTES = 8 << 20
"""Of the encoded action information."""
NO_SUCH_SOP_CLASS, NO_SUCH_ACTION = 0x0118, 0x0123

STILL_OPEN_S = 0.5
"""How long the caller has to release the association after our answer before the report goes over it."""
_REPORT_AFTER = timedelta(seconds=120)
"""When another process takes the report over that was to go on the same association, should this one die."""
_TRANSACTION_UID = "(0008,1195) TransactionUID"
_REFERENCED = "(0008,1199) ReferencedSOPSequence"


class Reporter(Protocol):
    """The other end of an open association."""

    def report_event(
        self, context: Context, sop_class_uid: str, instance: str, kind: int, info: Dataset
    ) -> int:
        """N-EVENT-REPORT; the status of the response. Raises `Unavailable` if the association breaks."""


def commit(request: Request) -> Iterator[Response]:
    """N-ACTION (PS3.4 J.3.2). Raises `Invalid` with the status of PS3.7 10.1.4.1.10 that fits."""
    _require_known_action(request)
    transaction_uid, references = _read(request.identifier)
    asked = ask(
        request.archive.database,
        site=request.node.site,
        ae_title=request.caller.calling_ae_title.strip(),
        transaction_uid=transaction_uid,
        references=references,
        report_after=_REPORT_AFTER,
    )
    yield Response(SUCCESS)
    _report_here(request, asked)


class Reporting:
    """One process's reports over associations of its own."""

    def __init__(self, archive: Archive, ae_title: str) -> None:
        self._archive = archive
        self._ae_title = ae_title
        self._underway: Underway[tuple[str, str]] = Underway("dicom-commitment")

    def report_due(self) -> int:
        """Begin to report what is due to nodes to which nothing is underway; returns how many reports.

        Raises `Unavailable` only if the index cannot be read.
        """
        busy = self._underway.keys()
        due = take_due(self._archive.database, busy=busy) if len(busy) < MOST else []
        by_node: dict[tuple[str, str], list[Commitment]] = defaultdict(list)
        for asked in due:
            by_node[asked.site, asked.ae_title].append(asked)
        for key, some in by_node.items():
            self._underway.start(key, partial(_report_all, self._archive, self._ae_title, some))
        return len(due)

    def wait(self, timeout_s: float) -> bool:
        """Whether what is underway has ended in this time."""
        return self._underway.wait(timeout_s)


def _require_known_action(request: Request) -> None:
    command = request.command
    if command.get("RequestedSOPClassUID") != STORAGE_COMMITMENT:
        raise Invalid("(0000,0003) is not the Storage Commitment Push Model", status=NO_SUCH_SOP_CLASS)
    if command.get("RequestedSOPInstanceUID") != PUSH_INSTANCE:
        raise Invalid("(0000,1001) is not the well-known instance", status=NO_SUCH_INSTANCE)
    if command.get("ActionTypeID") != REQUEST_COMMITMENT:
        raise Invalid("(0000,1008) is not an action of this service", status=NO_SUCH_ACTION)


def _read(information: Dataset | None) -> tuple[str, list[Reference]]:
    """The action information (PS3.4 Table J.3-1)."""
    if information is None:
        raise Invalid("the request brought no action information", status=INVALID_ARGUMENT)
    transaction_uid = required_uid(information.get("TransactionUID"), _TRANSACTION_UID)
    items = information.get("ReferencedSOPSequence") or []
    if not items:
        raise Invalid(f"{_REFERENCED} is missing or empty", status=INVALID_ARGUMENT)
    if len(items) > MAX_REFERENCES:
        raise Invalid(f"{_REFERENCED} has more than {MAX_REFERENCES} items", status=RESOURCE_LIMITATION)
    return transaction_uid, list(dict.fromkeys(map(_reference, items)))


def _reference(item: Dataset) -> Reference:
    return Reference(
        _named(item, "ReferencedSOPClassUID", "(0008,1150) ReferencedSOPClassUID"),
        _named(item, "ReferencedSOPInstanceUID", "(0008,1155) ReferencedSOPInstanceUID"),
    )


def _named(item: Dataset, keyword: str, name: str) -> str:
    """A UID as the sender writes it. One that is none is no reason to refuse the others: we hold nothing under it."""
    value = str(item.get(keyword) or "").strip(" \0")
    if not 0 < len(value) <= MAX_UID_LENGTH:
        raise Invalid(f"{name} is missing, empty or too long", status=INVALID_ARGUMENT)
    return value


def _report_here(request: Request, asked: Commitment) -> None:
    """Over the association that asked. Raises only what ends it: the request has its answer already."""
    try:
        if _has_gone(request):
            report_now(request.archive.database, asked)
        else:
            _report(request.archive, asked, request.peer, request.context)
    except (Lost, Idle, Aborted, Violation):
        _postpone(request.archive, asked, "the association broke before the report was sent")
        raise
    except Error as why:
        _postpone(request.archive, asked, why.message)
    except Exception as why:
        _failed(request.archive, asked, why)


def _has_gone(request: Request) -> bool:
    """Whether the caller released the association within `STILL_OPEN_S`."""
    deadline = time.monotonic() + STILL_OPEN_S
    while not (gone := request.cancelled()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return gone


def _report_all(archive: Archive, ae_title: str, due: list[Commitment]) -> None:
    """To one node, one after the other, in less time than they were taken for."""
    deadline = time.monotonic() + TAKEN_FOR.total_seconds() / 2
    for asked in due:
        if time.monotonic() > deadline:
            _postpone(
                archive, asked, "there was no time left to report this; it follows with the next attempt"
            )
        else:
            _report_there(archive, ae_title, asked)


def _report_there(archive: Archive, ae_title: str, asked: Commitment) -> None:
    """Over an association of our own, on which we are the provider (PS3.4 J.3.3, role selection)."""
    try:
        destination = find_destination(archive.database, asked.site, asked.ae_title)
        proposal = Proposal(STORAGE_COMMITMENT, PLAIN[:2], as_acceptor=True)
        with connect(destination, ae_title, [proposal]) as association:
            context = next(iter(association.contexts.values()))
            _report(archive, asked, association, context)
    except Error as why:
        _postpone(archive, asked, why.message)
    except Exception as why:
        _failed(archive, asked, why)


def _report(archive: Archive, asked: Commitment, reporter: Reporter, context: Context) -> None:
    findings = verify(archive, asked)
    kind = SOME_FAILED if findings.failed else ALL_HELD
    info = _event_information(asked, findings)
    status = reporter.report_event(context, STORAGE_COMMITMENT, PUSH_INSTANCE, kind, info)
    if status != SUCCESS:
        raise Unavailable(f"the node answered the report with status 0x{status:04X}")
    reported(archive.database, asked, findings)
    log.info(
        "commitment reported",
        site=asked.site,
        to=asked.ae_title,
        transaction=asked.transaction_uid,
        held=len(findings.held),
        failed=len(findings.failed),
    )


def _event_information(asked: Commitment, findings: Findings) -> Dataset:
    """PS3.4 Table J.3-2."""
    info = Dataset()
    info.TransactionUID = asked.transaction_uid
    if findings.failed:
        info.FailedSOPSequence = list(_failed_items(findings))
    if findings.held:
        info.ReferencedSOPSequence = [_item(each) for each in findings.held]
    return info


def _failed_items(findings: Findings) -> Iterable[Dataset]:
    for reference, reason in findings.failed:
        item = _item(reference)
        item.FailureReason = reason
        yield item


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def _failed(archive: Archive, asked: Commitment, why: Exception) -> None:
    """A bug of ours."""
    log.exception("commitment not reported", site=asked.site, to=asked.ae_title)
    _postpone(archive, asked, f"an error inside the reporter ({type(why).__name__}); it was logged")


def _postpone(archive: Archive, asked: Commitment, why: str) -> None:
    """A request that cannot even be written down is taken up again when its time comes."""
    log.warning("commitment not reported", site=asked.site, to=asked.ae_title, reason=why)
    try:
        postponed(archive.database, asked, why)
    except Error as further:
        log.warning("commitment not written down", site=asked.site, reason=further.message)

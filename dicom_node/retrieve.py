"""C-MOVE and C-GET as provider (PS3.4 C.4.2, C.4.3): the instances that were asked for go out one by one.

What cannot be sent is counted and named; it holds up nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import structlog
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from dicom_node.destinations import find_destination
from dicom_node.moving import MoveSender, require_context
from dicom_node.outgoing import Outgoing, data_set
from dicom_node.requestor import Destination
from dicom_node.selection import Selection, pages, select_instances
from dicom_node.services import CANCELLED, PENDING, Context, Request, Response, StoreCommand, SubOperations
from dicom_node.status import SUCCESS, UNABLE_TO_PERFORM_SUB_OPERATIONS
from dicom_node.upper_layer import Lost
from storage.audit import Act, append
from storage.errors import Error, NotFound

log = structlog.get_logger("farlight.dicom_node")

MOVE_DESTINATION_UNKNOWN = 0xA801
WITH_FAILURES = 0xB000
_WARNINGS = frozenset({0x0001, 0x0107, 0x0111, 0x0116})
"""Warnings of PS3.7 Annex C; 0x0111 says that the receiver has this instance already."""
EXPORT = "export-images"
_MOST_NOTED = 1000
_MOST = 0xFFFF
"""The counts of sub-operations have 16 bits."""
_LONGEST_LIST = 65534
"""Bytes of a UI value in explicit VR."""


class Sender(Protocol):
    """Where instances go."""

    @property
    def hopeless(self) -> bool:
        """Whether nothing more can be sent."""

    def send(self, found: Outgoing) -> int:
        """Send one; the status of the response. Raises `Error`, saying why it was not sent."""


def move(request: Request) -> Iterator[Response]:
    """C-MOVE. Raises `Invalid` for a wrong identifier and `NotFound` for an unknown destination."""
    selection = _select(request)
    destination = _destination(request)
    sender = MoveSender(request, destination, selection.kinds)
    return _sub_operations(request, selection, sender, sender.opened(), to=destination.ae_title)


def get(request: Request) -> Iterator[Response]:
    """C-GET. Raises `Invalid` for a wrong identifier."""
    to = request.caller.calling_ae_title.strip()
    return _sub_operations(request, _select(request), _GetSender(request), nullcontext(), to=to)


def _select(request: Request) -> Selection:
    model = request.context.abstract_syntax
    return select_instances(request.archive.database, request.node.site, model, request.identifier)


def _destination(request: Request) -> Destination:
    title = str(request.command.get("MoveDestination") or "").strip()
    near = request.caller.address
    try:
        return find_destination(request.archive.database, request.node.site, title, near=near)
    except NotFound as why:
        raise NotFound(f"(0000,0600) {why.message}", status=MOVE_DESTINATION_UNKNOWN) from why


def _sub_operations(
    request: Request, selection: Selection, sender: Sender, opened: AbstractContextManager[object], *, to: str
) -> Iterator[Response]:
    _note(request, selection, to)
    tally = _Tally(len(selection))
    try:
        with opened:
            for found in pages(request.archive.database, selection):
                if request.cancelled():
                    yield tally.cancelled(request.context)
                    return
                tally.count(found.sop_instance_uid, _try_to_send(request, sender, found))
                if tally.remaining and not sender.hopeless:
                    yield tally.pending()
        yield tally.final(request.context)
    finally:
        log.info("retrieval ended", **_who(request, to), **tally.outcome())


def _who(request: Request, to: str) -> dict[str, str]:
    return {"calling": request.caller.calling_ae_title.strip(), "site": request.node.site, "to": to}


def _note(request: Request, selection: Selection, to: str) -> None:
    """Who took which study away stands in the audit record (PS3.15 A.5.3.6); that it cannot be written holds up no
    patient's images, and stands in the log instead."""
    actor = request.caller.calling_ae_title.strip()
    where = {"site": request.node.site, "address": request.caller.address}
    try:
        with request.archive.database.write() as connection:
            for uid in selection.studies[:_MOST_NOTED]:
                act = Act(EXPORT, "study", uid, actor=actor, role="dicom-node", detail={"to": to}, **where)
                append(connection, act)
    except Error as why:
        log.warning("retrieval not noted", **_who(request, to), reason=why.message)


def _try_to_send(request: Request, sender: Sender, found: Outgoing) -> int:
    """The receiver's status, or that it failed; why is in the log."""
    try:
        return sender.send(found)
    except Error as why:
        if not sender.hopeless:
            log.warning("instance not given back", site=request.node.site, code=why.code, reason=why.message)
        return UNABLE_TO_PERFORM_SUB_OPERATIONS


class _Tally:
    """What became of the sub-operations so far (PS3.4 C.4.2.1.5 to C.4.2.1.9)."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.completed = self.warning = 0
        self.failed_uids: list[str] = []

    @property
    def remaining(self) -> int:
        """Not tried yet."""
        return self.total - self.completed - self.warning - len(self.failed_uids)

    def outcome(self) -> dict[str, int]:
        """For the log."""
        counts = {"completed": self.completed, "failed": len(self.failed_uids), "warning": self.warning}
        return {**counts, "remaining": self.remaining}

    def count(self, sop_instance_uid: str, status: int) -> None:
        """Count one by the status of its response."""
        if status == SUCCESS:
            self.completed += 1
        elif status in _WARNINGS or status >> 12 == 0xB:
            self.warning += 1
        else:
            self.failed_uids.append(sop_instance_uid)

    def pending(self) -> Response:
        """More follows."""
        return Response(PENDING, sub_operations=self._counts(self.remaining))

    def cancelled(self, context: Context) -> Response:
        """The caller wants no more."""
        return Response(CANCELLED, self._failed_list(context), sub_operations=self._counts(self.remaining))

    def final(self, context: Context) -> Response:
        """All was tried; what was deleted before its turn came has failed too."""
        vanished = self.remaining
        failed = len(self.failed_uids) + vanished
        counts = self._counts(None, vanished)
        if failed and failed == self.total:
            return Response(
                UNABLE_TO_PERFORM_SUB_OPERATIONS, self._failed_list(context), sub_operations=counts
            )
        status = WITH_FAILURES if failed or self.warning else SUCCESS
        return Response(status, self._failed_list(context), sub_operations=counts)

    def _counts(self, remaining: int | None, vanished: int = 0) -> SubOperations:
        return SubOperations(
            None if remaining is None else min(remaining, _MOST),
            min(self.completed, _MOST),
            min(len(self.failed_uids) + vanished, _MOST),
            min(self.warning, _MOST),
        )

    def _failed_list(self, context: Context) -> Dataset | None:
        """(0008,0058); in explicit VR no longer than its length can say."""
        if not self.failed_uids:
            return None
        most = len(self.failed_uids)
        if context.transfer_syntax != ImplicitVRLittleEndian:
            most = min(most, _LONGEST_LIST // (max(map(len, self.failed_uids)) + 1))
        identifier = Dataset()
        identifier.FailedSOPInstanceUIDList = self.failed_uids[:most]
        return identifier


class _GetSender:
    """Over the caller's own association, where it agreed to take what we send (PS3.4 C.4.3.1.1)."""

    hopeless = False  # a broken association ends the request as well

    def __init__(self, request: Request) -> None:
        self._request = request
        contexts = request.peer.contexts.values()
        self._contexts = [context for context in contexts if context.as_acceptor]

    def send(self, found: Outgoing) -> int:
        """See `Sender`. Raises `Lost` if the data set broke off half-way: this association is of no more use."""
        context = require_context(self._contexts, found)
        command = StoreCommand(found.sop_class_uid, found.sop_instance_uid)
        with data_set(self._request.archive, found, context.transfer_syntax) as chunks:
            try:
                return self._request.peer.store(context, command, chunks)
            except Error as why:
                log.warning("retrieval broke off", site=self._request.node.site, reason=why.message)
                self._request.peer.abort()
                raise Lost from why

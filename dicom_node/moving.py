"""Instances on their way to the destination of a C-MOVE (PS3.4 C.4.2.2.2), over associations of our own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import cast

import structlog
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicom_node.association import Association
from dicom_node.negotiation import MAX_CONTEXTS, Proposal
from dicom_node.outgoing import Outgoing, data_set, encodings, usable_context
from dicom_node.requestor import Destination, connect
from dicom_node.services import Context, Request, StoreCommand
from dicom_node.upper_layer import USER
from storage.archive import Archive
from storage.errors import Error, Invalid, Unavailable

log = structlog.get_logger("farlight.dicom_node")

_FALLBACKS = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))

Kind = tuple[str, str]
"""SOP class and transfer syntax of a stored instance."""


class _Broken(Exception):
    """The association with the destination is gone."""


class MoveSender:
    """One association at a time; one that breaks is opened anew once. `kinds` is all that will be sent."""

    def __init__(self, request: Request, destination: Destination, kinds: Sequence[Kind]) -> None:
        self._archive: Archive = request.archive
        self._ae_title = request.ae_title
        self._destination = destination
        self._batches = _batches(kinds)
        self._closed: dict[int, str] = {}
        self._originator = request.caller.calling_ae_title.strip()
        self._message_id = int(request.command.MessageID)
        self._stack = ExitStack()
        self._association: Association | None = None
        self._batch = -1

    @property
    def hopeless(self) -> bool:
        """Whether the destination takes nothing more."""
        return len(self._closed) == len(self._batches)

    def opened(self) -> ExitStack:
        """Ends with the association."""
        return self._stack

    def send(self, found: Outgoing) -> int:
        """Send one; the status of the response. Raises `Error` if it was not sent. A second break in a row is taken
        for the destination's end."""
        try:
            return self._send(found)
        except _Broken as why:
            log.warning("association broke, another one follows", to=str(self._destination), reason=str(why))
        try:
            return self._send(found)
        except _Broken as why:
            self._close(range(len(self._batches)), str(why))
            raise Unavailable(str(why)) from why

    def _send(self, found: Outgoing) -> int:
        """Raises `_Broken` if the association broke, an `Error` for this instance alone."""
        association = self._associated(_batch_of(self._batches, found))
        context = require_context(association.contexts.values(), found)
        command = StoreCommand(
            found.sop_class_uid, found.sop_instance_uid, self._originator, self._message_id
        )
        with data_set(self._archive, found, context.transfer_syntax) as chunks:
            try:
                return association.store(context, command, chunks)
            except Error as why:  # the peer's doing or ours, it stopped in the middle of a message
                self._drop(association)
                if isinstance(why, Unavailable):
                    raise _Broken(why.message) from why
                raise

    def _associated(self, batch: int) -> Association:
        if batch in self._closed:
            raise Unavailable(self._closed[batch])
        if self._association is None or self._batch != batch:
            self._associate(batch)
        return cast(Association, self._association)

    def _associate(self, batch: int) -> None:
        self._association = None
        self._stack.close()
        try:
            opening = connect(self._destination, self._ae_title, self._batches[batch])
            self._association, self._batch = self._stack.enter_context(opening), batch
        except Unavailable as why:
            self._close(range(len(self._batches)), why.message)
            raise
        except Invalid as why:
            self._close([batch], why.message)
            raise

    def _close(self, batches: Iterable[int], reason: str) -> None:
        log.warning("destination given up", to=str(self._destination), reason=reason)
        self._closed |= dict.fromkeys(batches, reason)

    def _drop(self, association: Association) -> None:
        association.connection.abort(USER)
        association.released = True  # there is nothing left to release
        self._association = None
        self._stack.close()


def require_context(contexts: Iterable[Context], found: Outgoing) -> Context:
    """The best context for this instance. Raises `Invalid`, naming the SOP class, if there is none."""
    context = usable_context(contexts, found)
    if context is None:
        kind = f"SOP class {found.sop_class_uid} in a transfer syntax that can be made of {found.transfer_syntax_uid}"
        raise Invalid(f"the receiver accepted no presentation context for {kind}")
    return context


def _batches(kinds: Iterable[Kind]) -> list[list[Proposal]]:
    """What to propose, as few associations as hold it: each encoding as it is stored in a context of its own, and for
    each SOP class one more with what every node must know (PS3.5 10.1)."""
    batches: list[list[Proposal]] = [[]]
    for sop_class_uid, group in groupby(sorted(kinds), key=lambda kind: kind[0]):
        proposals = _proposals(sop_class_uid, [syntax for _, syntax in group])[:MAX_CONTEXTS]
        if len(batches[-1]) + len(proposals) > MAX_CONTEXTS:
            batches.append([])
        batches[-1] += proposals
    return batches


def _proposals(sop_class_uid: str, stored: Sequence[str]) -> list[Proposal]:
    fallbacks = {each for syntax in stored for each in encodings(syntax)} - set(stored)
    wanted = tuple(each for each in _FALLBACKS if each in fallbacks)
    as_stored = [Proposal(sop_class_uid, (syntax,)) for syntax in stored]
    return [*as_stored, Proposal(sop_class_uid, wanted)] if wanted else as_stored


def _batch_of(batches: list[list[Proposal]], found: Outgoing) -> int:
    classes = ({each.abstract_syntax for each in proposals} for proposals in batches)
    return next((number for number, each in enumerate(classes) if found.sop_class_uid in each), 0)

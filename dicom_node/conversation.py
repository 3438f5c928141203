"""One association with a caller, from its connection to its end, and the line that is logged of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Protocol, cast

import structlog
from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, SOPClassCommonExtendedNegotiation

from dicom_node import metrics
from dicom_node.contexts import VERIFICATION, accept_contexts
from dicom_node.incoming import IncomingDataSet, Intake
from dicom_node.peers import CONGESTED, Caller, Rejection, note_refusal, plain_address, recognize
from dicom_node.store import FAILED, StoreRequest, store
from dicom_node.wire import tell_closed
from storage.archive import Archive
from storage.errors import Error
from storage.ingest import Outcome, Sender
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

_STORAGE_SERVICE_CLASS = UID("1.2.840.10008.4.2")


class Doorkeeper(Protocol):
    """What a conversation asks of the node it belongs to."""

    archive: Archive
    ae_title: str

    def admit(self, conversation: Conversation, node: Node) -> Rejection | None:
        """Count an association in, or say why it cannot be."""


class Conversation:
    """The handlers of one accepted connection and what they learned."""

    def __init__(self, doorkeeper: Doorkeeper, association: Association) -> None:
        self.association = association
        self.caller: Caller | None = None
        self.node: Node | None = None
        self._doorkeeper = doorkeeper
        self._storage_classes: list[UID] = []
        self._outcomes: Counter[str] = Counter()
        self._bytes = 0
        self._ended = ""
        self._began = time.monotonic()
        association.bind(evt.EVT_REQUESTED, self._on_requested)
        association.bind(evt.EVT_SOP_COMMON, self._on_service_classes)
        association.bind(evt.EVT_C_STORE, self._on_store)
        association.bind(evt.EVT_ACSE_RECV, self._on_acse)
        association.bind(evt.EVT_CONN_CLOSE, self._on_closed)

    def _on_requested(self, _event: Event) -> None:
        """Refuse, or prepare the negotiation. Nothing may escape: pynetdicom would log it and accept the caller."""
        try:
            rejection = self._judge()
        except Error as why:
            log.warning("caller not judged", reason=why.message)
            rejection = CONGESTED
        except Exception:
            log.exception("caller not judged")
            rejection = CONGESTED
        if rejection is not None:
            self._reject(rejection)

    def _judge(self) -> Rejection | None:
        request = cast(A_ASSOCIATE, self.association.requestor.primitive)
        address = plain_address(self.association.requestor.address or "")
        self.caller = Caller(request.calling_ae_title, request.called_ae_title, address)
        verdict = recognize(self._doorkeeper.archive, self.caller, self._doorkeeper.ae_title)
        if isinstance(verdict, Rejection):
            return verdict
        if (over := self._doorkeeper.admit(self, verdict)) is not None:
            return over
        self.node = verdict
        supported = accept_contexts(request.presentation_context_definition_list)
        self.association.acceptor.supported_contexts = supported
        classes = [context.abstract_syntax for context in supported if context.abstract_syntax]
        self._storage_classes = [uid for uid in classes if uid != VERIFICATION]
        return None

    def _reject(self, rejection: Rejection) -> None:
        """Note it, then send A-ASSOCIATE-RJ; `kill` waits until that is on the wire, as after pynetdicom's own."""
        self._ended = "rejected"
        if self.caller is not None:
            log.warning("association refused", **self._who(), reason=rejection.text)
            self._note(rejection)
        self.association.is_rejected = True
        self.association.acse.send_reject(rejection.result, rejection.source, rejection.reason)
        self.association.kill()

    def _note(self, rejection: Rejection) -> None:
        try:
            note_refusal(self._doorkeeper.archive, cast(Caller, self.caller), rejection)
        except Error as why:
            log.warning("refusal not noted", reason=why.message)

    def _on_service_classes(self, _event: Event) -> dict[UID, SOPClassCommonExtendedNegotiation]:
        """Tell pynetdicom that each accepted class, private and unknown ones too, is served by Storage (PS3.7
        D.3.3.6). This is local: an acceptor sends no such item."""
        items = {}
        for sop_class_uid in self._storage_classes:
            item = SOPClassCommonExtendedNegotiation()
            item.sop_class_uid = sop_class_uid
            item.service_class_uid = _STORAGE_SERVICE_CLASS
            items[sop_class_uid] = item
        return items

    def _on_store(self, event: Event) -> Dataset:
        node, caller = cast(Node, self.node), cast(Caller, self.caller)
        command = cast(C_STORE, event.request)
        data_set = cast(IncomingDataSet | None, command._dataset_file)
        request = StoreRequest(
            str(command.AffectedSOPClassUID),
            str(command.AffectedSOPInstanceUID),
            str(event.context.transfer_syntax),
        )
        sender = Sender(node.site, caller.calling_ae_title.strip(), node.charset, node.issuer)
        answer = store(self._doorkeeper.archive, request, data_set, sender)
        self._count(answer.outcome, data_set.size if data_set else 0)
        self.association.dul._idle_timer.restart()  # the time we took is not the peer's idleness
        return answer.elements

    def _count(self, outcome: str, size: int) -> None:
        self._outcomes[outcome] += 1
        self._bytes += size
        metrics.INSTANCES.labels(outcome.lower()).inc()
        metrics.RECEIVED_BYTES.inc(size)

    def _on_acse(self, event: Event) -> None:
        primitive = getattr(event, "primitive", None)
        if isinstance(primitive, A_ABORT):
            self._ended = self._ended or "aborted"
        elif isinstance(primitive, A_P_ABORT):
            self._ended = self._ended or "lost"

    def _on_closed(self, _event: Event) -> None:
        if self.caller is None:
            tell_closed(self.association.dul)

    def hang_up(self) -> None:
        """Abort, from another thread, without waiting."""
        self._ended = self._ended or "stopped"
        self.association.abort(block=False)

    def finish(self) -> None:
        """Free what the association held, count it and log it."""
        cast(Intake, self.association.dimse).discard()
        ended = self._how_it_ended()
        metrics.ASSOCIATIONS.labels(ended).inc()
        if self.caller is None or ended == "rejected":
            return  # a port scan or a health check; a refusal has its own line
        log.info(
            "association ended",
            **self._who(),
            site=self.node.site if self.node else "",
            contexts=len(self.association.accepted_contexts),
            stored=self._outcomes[Outcome.STORED],
            duplicate=self._outcomes[Outcome.DUPLICATE],
            held_aside=self._outcomes[Outcome.HELD_ASIDE],
            failed=self._outcomes[FAILED],
            bytes=self._bytes,
            seconds=round(time.monotonic() - self._began, 3),
            ended=ended,
        )

    def _who(self) -> dict[str, str]:
        caller = cast(Caller, self.caller)
        return {
            "calling": caller.calling_ae_title,
            "called": caller.called_ae_title,
            "address": caller.address,
        }

    def _how_it_ended(self) -> str:
        """``released``, ``aborted`` by the peer, ``lost`` (connection or sense), ``idle``, ``rejected``, ``stopped``
        by us, or ``silent``: no association was asked for."""
        if self._ended:
            return self._ended
        if self.association.is_released:
            return "released"
        if self.caller is None:
            return "silent"
        return "idle" if self.association.dul.idle_timer_expired() else "lost"

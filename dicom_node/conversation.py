"""One association with a caller, from its connection to its end, and the line that is logged of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import structlog
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node import command as commands
from dicom_node import metrics
from dicom_node.association import Association, Gathered, Message, Nowhere, Sink
from dicom_node.command import Command, Value
from dicom_node.commitment import MAX_INFORMATION_BYTES
from dicom_node.incoming import IncomingInstance
from dicom_node.negotiation import Negotiated, accept, read_request, reject, speaks_our_version
from dicom_node.peers import CONGESTED, VERSION_UNKNOWN, Caller, Rejection, recognize
from dicom_node.services import Context
from dicom_node.serving import SERVED, serve
from dicom_node.status import SOP_CLASS_NOT_SUPPORTED, SUCCESS, status_elements
from dicom_node.store import FAILED, StoreAnswer, store
from dicom_node.tally import Tally
from dicom_node.tls import fingerprint
from dicom_node.upper_layer import (
    ABORT,
    ASSOCIATE_RQ,
    PROVIDER,
    USER,
    Aborted,
    Connection,
    Idle,
    Lost,
    Violation,
)
from storage.archive import Archive
from storage.errors import Error
from storage.ingest import Outcome, Sender
from storage.links import AssociationSummary, OpenAssociation
from storage.next_header import HeaderReader
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

TELL_EVERY_S = 60.0
"""An association that lasts longer is told of in parts of this length."""
SENDING_S = 10.0
"""So long after an image the next one is taken to be on its way."""


class Doorkeeper(Protocol):
    """What a conversation asks of the node it belongs to."""

    archive: Archive
    ae_title: str
    request_timeout_s: float
    idle_timeout_s: float

    def admit(self, conversation: Conversation, node: Node) -> Rejection | None:
        """Count an association in, or say why it cannot be."""

    def refused(self, caller: Caller, rejection: Rejection) -> None:
        """A caller is told so just now."""

    def ended(self, summary: AssociationSummary) -> None:
        """An association with a registered node is over."""


class Conversation:
    """One accepted connection and what came of it."""

    def __init__(self, doorkeeper: Doorkeeper, connection: Connection, address: str) -> None:
        self.caller: Caller | None = None
        self.node: Node | None = None
        self._headers: HeaderReader | None = None
        self._doorkeeper = doorkeeper
        self._connection = connection
        self._address = address
        self._contexts = 0
        self._tally, self._told = Tally(), Tally()
        self._ended = ""
        self._began, self._began_at = time.monotonic(), datetime.now(UTC)
        self._told_at, self._received_at = self._began, 0.0

    def run(self) -> None:
        """From the first byte to the last. Never raises; the connection is the caller's to close."""
        try:
            self._ended = self._converse() or self._ended
        except Violation as why:
            log.warning("association broke", **self._who(), reason=str(why))
            self._hang_up_as("lost", PROVIDER, why.reason)
        except Idle:
            self._hang_up_as("idle" if self.caller else "silent", PROVIDER)
        except Aborted:
            self._ended = "aborted"
        except Lost:
            self._ended = self._ended or ("lost" if self.caller else "silent")
        except Exception:
            log.exception("association failed", **self._who())
            self._hang_up_as("lost", PROVIDER)

    def hang_up(self) -> None:
        """Abort, from another thread, without waiting."""
        self._ended = "stopped"
        self._connection.interrupt()

    def finish(self) -> None:
        """Count it, log it, and tell the node."""
        if self._ended == "stopped":
            self._connection.abort(USER)
        metrics.ASSOCIATIONS.labels(self._ended).inc()
        if self.node is None or self._ended == "rejected":
            return  # a port scan or a health check; a refusal has its own line
        summary = self._summary(self.node, self._ended)
        self._told.merge(self._tally)
        outcomes = self._told.outcomes
        log.info(
            "association ended",
            **self._who(),
            site=self.node.site,
            tls=self._connection.over_tls,
            contexts=self._contexts,
            stored=outcomes[Outcome.STORED],
            duplicate=outcomes[Outcome.DUPLICATE],
            held_aside=outcomes[Outcome.HELD_ASIDE],
            failed=outcomes[FAILED],
            bytes=self._told.bytes,
            seconds=round(time.monotonic() - self._began, 3),
            ended=self._ended,
        )
        self._doorkeeper.ended(summary)

    def _hang_up_as(self, ended: str, source: int, reason: int = 0) -> None:
        self._ended = self._ended or ended
        if self._ended == "silent":
            return  # nothing was said, and nothing need be
        self._connection.abort(source, reason)
        self._connection.linger()

    # the beginning

    def _converse(self) -> str:
        request = self._request()
        if isinstance(request, str):
            return request
        rejection = self._judge(request)
        if rejection is not None or self.node is None:
            self._reject(rejection or CONGESTED)
            return "rejected"
        agreed = accept(request, self.node.may)
        if not agreed.contexts:
            self._tally.reasons["NO_CONTEXT"] += 1
        self._connection.write(agreed.answer)
        self._connection.release_buffer()
        self._contexts = len(agreed.contexts)
        self._serve_all(self._association(agreed))
        self._connection.linger()
        return "released"

    def _request(self) -> A_ASSOCIATE | str:
        """The request for association, or how it ended without one."""
        kind, length = self._connection.read_head(self._doorkeeper.request_timeout_s)
        if kind == ABORT:
            return "silent"
        if kind != ASSOCIATE_RQ:
            raise Violation(f"a PDU of type {kind} instead of a request for association")
        body = self._connection.read_body(length)
        if not speaks_our_version(body):
            self._connection.write(reject(VERSION_UNKNOWN))
            self._connection.linger()
            return "rejected"
        return read_request(body)

    def _judge(self, request: A_ASSOCIATE) -> Rejection | None:
        certificate = fingerprint(self._connection.certificate)
        self.caller = Caller(request.calling_ae_title, request.called_ae_title, self._address, certificate)
        try:
            verdict = recognize(self._doorkeeper.archive, self.caller, self._doorkeeper.ae_title)
        except Error as why:
            log.warning("caller not judged", reason=why.message)
            return CONGESTED
        except Exception:
            log.exception("caller not judged")
            return CONGESTED
        if isinstance(verdict, Rejection):
            return verdict
        if (over := self._doorkeeper.admit(self, verdict)) is not None:
            return over
        self.node = verdict
        return None

    def _reject(self, rejection: Rejection) -> None:
        log.warning("association refused", **self._who(), reason=rejection.text)
        if self.caller is not None and rejection is not CONGESTED:  # that one is our own trouble
            self._doorkeeper.refused(self.caller, rejection)
        self._connection.write(reject(rejection))
        self._connection.linger()

    # the messages

    def _association(self, agreed: Negotiated) -> Association:
        return Association(
            self._connection,
            agreed.contexts,
            rejected=agreed.rejected,
            longest_pdu=agreed.longest_pdu,
            idle_timeout_s=self._doorkeeper.idle_timeout_s,
            open_sink=self._open_sink,
        )

    def _open_sink(self, context: Context, command: Command) -> Sink:
        field = command.get("CommandField")
        if field != commands.C_STORE:
            return Gathered(MAX_INFORMATION_BYTES) if field == commands.N_ACTION else Gathered()
        if not context.transfer_syntax or self.node is None or "store" not in self.node.may:
            return Nowhere()
        if self._headers is None:
            self._headers = HeaderReader(self.node.charset)
        return IncomingInstance(self._doorkeeper.archive, command, context.transfer_syntax, self._headers)

    def _serve_all(self, association: Association) -> None:
        while (message := association.receive()) is not None:
            field = message.field
            if field == commands.C_STORE:
                self._store(association, message)
            elif field == commands.C_ECHO:
                _respond(association, message, status_elements(SUCCESS))
            elif field in SERVED:
                self._serve(association, message)
            elif field != commands.C_CANCEL and not field & commands.RESPONSE:
                raise Violation(f"the unknown command 0x{field:04X}")

    def _store(self, association: Association, message: Message) -> None:
        node, caller = self._admitted()
        if not message.context.transfer_syntax:
            _respond(association, message, status_elements(SOP_CLASS_NOT_SUPPORTED, "context was rejected"))
            return
        sender = Sender(node.site, caller.calling_ae_title.strip(), node.charset, node.issuer)
        answer = store(self._doorkeeper.archive, node, sender, message.sink)
        self._count(answer, message.sink.size if isinstance(message.sink, IncomingInstance) else 0)
        _respond(association, message, answer.elements)
        if self._received_at - self._told_at > TELL_EVERY_S:
            self._tell_part(node)

    def _serve(self, association: Association, message: Message) -> None:
        node, caller = self._admitted()
        if not message.context.transfer_syntax:
            raise Violation("a request on a presentation context that was rejected")
        doorkeeper = self._doorkeeper
        serve(doorkeeper.archive, doorkeeper.ae_title, node, caller, association, message)

    def _admitted(self) -> tuple[Node, Caller]:
        if self.node is None or self.caller is None:
            raise RuntimeError("a message before the association")
        return self.node, self.caller

    def _count(self, answer: StoreAnswer, size: int) -> None:
        self._received_at = time.monotonic()
        self._tally.add(answer, size)
        metrics.INSTANCES.labels(answer.outcome.lower()).inc()
        metrics.RECEIVED_BYTES.inc(size)

    def _tell_part(self, node: Node) -> None:
        """An association that lasts is told of in parts, or the board would not know that it brings images."""
        self._doorkeeper.ended(self._summary(node, "open"))
        self._told.merge(self._tally)
        self._tally, self._told_at = Tally(), time.monotonic()

    def now(self) -> OpenAssociation | None:
        """What to say of it while it is open; None before it is."""
        node = self.node
        if node is None:
            return None
        sending = time.monotonic() - self._received_at < SENDING_S
        study = self._tally.latest_study or self._told.latest_study
        return OpenAssociation(node.site, self._title(node), self._began_at, node.host, study, sending)

    def _title(self, node: Node) -> str:
        return node.ae_title if node.ae_title != "*" else self._who()["calling"]

    def _summary(self, node: Node, ended: str) -> AssociationSummary:
        outcomes = self._tally.outcomes
        return AssociationSummary(
            site=node.site,
            ae_title=self._title(node),
            address=self._address,
            host=node.host,
            began_at=self._began_at,
            ended_at=datetime.now(UTC),
            ended=ended,
            stored=outcomes[Outcome.STORED],
            duplicate=outcomes[Outcome.DUPLICATE],
            held_aside=outcomes[Outcome.HELD_ASIDE],
            failed=outcomes[FAILED],
            bytes=self._tally.bytes,
            reasons=dict(self._tally.reasons),
            studies=dict(self._tally.studies),
            tls=self._connection.over_tls,
        )

    def _who(self) -> dict[str, str]:
        if self.caller is None:
            return {"address": self._address}
        return {
            "calling": self.caller.calling_ae_title.strip(),
            "called": self.caller.called_ae_title.strip(),
            "address": self._address,
        }


def _respond(association: Association, message: Message, elements: Mapping[str, Value]) -> None:
    """The response to a request that names one SOP instance."""
    command = message.command
    response: Command = {
        "CommandField": message.field | commands.RESPONSE,
        "MessageIDBeingRespondedTo": commands.number(command, "MessageID"),
        **elements,
    }
    for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID"):
        if keyword in command:
            response[keyword] = command[keyword]
    association.send(message.context, response)

"""C-STORE as user: what the outbox owes to nodes goes out, byte for byte as it is stored.

One association per destination. Destinations are served side by side, so that one that is down or hangs holds up
nobody. What becomes of each delivery is written as soon as it is known.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import structlog
from pydicom.uid import UID

from dicom_node import metrics
from dicom_node.association import Association
from dicom_node.destinations import destination_of
from dicom_node.negotiation import Proposal
from dicom_node.outgoing import Outgoing, data_set, encodings, usable_context
from dicom_node.requestor import Destination, connect
from dicom_node.services import StoreCommand
from dicom_node.status import PeerStatus, Verdict, read_peer_status
from dicom_node.underway import MOST, Underway
from storage.archive import Archive
from storage.errors import Error, Invalid, NotFound, Unavailable
from storage.retrieve import first_instance
from storage.sites import Node, all_nodes
from storage.tables import instance
from worklist.delivery import FIRST_RETRY_S, SENDING_LASTS, Delivery, Place, delivered, failed, take_due

log = structlog.get_logger("farlight.dicom_node")

_GROUP_LASTS_S = SENDING_LASTS.total_seconds() / 2
"""After this the rest of a group goes back to the outbox: another sender may take over what is SENDING for too long."""


class Outbox:
    """One process's sending. Several may work side by side: each delivery is taken by one of them."""

    def __init__(self, archive: Archive, ae_title: str, first_retry_s: float = FIRST_RETRY_S) -> None:
        self._archive = archive
        self._ae_title = ae_title
        self._first_retry_s = first_retry_s
        self._underway: Underway[Place] = Underway("dicom-send")

    def send_due(self) -> int:
        """Begin to send what is due to destinations to which nothing is underway; returns how many deliveries.

        Raises `Unavailable` only if the outbox itself cannot be read.
        """
        busy = self._underway.keys()
        due = take_due(self._archive.database, busy=busy) if len(busy) < MOST else []
        groups: dict[Place, list[Delivery]] = defaultdict(list)
        for delivery in due:
            groups[delivery.ae_title, delivery.host, delivery.port].append(delivery)
        nodes = _registered(self._archive) if due else {}
        for place, some in groups.items():
            group = _Group(
                self._archive, self._ae_title, self._first_retry_s, _destination(some[0], nodes), some
            )
            self._underway.start(place, group.send)
        return len(due)

    def wait(self, timeout_s: float) -> bool:
        """Whether what is underway has ended in this time."""
        return self._underway.wait(timeout_s)


def _registered(archive: Archive) -> dict[tuple[str, str], Node]:
    with archive.database.read() as connection:
        return {(node.ae_title, node.host): node for node in all_nodes(connection)}


def _destination(delivery: Delivery, nodes: dict[tuple[str, str], Node]) -> Destination:
    """Where the outbox says, in the way that the node is registered now."""
    known = nodes.get((delivery.ae_title, delivery.host))
    if known is None:
        return Destination(delivery.ae_title, delivery.host, delivery.port)
    return replace(destination_of(known), port=delivery.port)


class _Group:
    """The deliveries to one destination."""

    def __init__(
        self,
        archive: Archive,
        ae_title: str,
        first_retry_s: float,
        destination: Destination,
        deliveries: list[Delivery],
    ) -> None:
        self.archive = archive
        self.ae_title = ae_title
        self.first_retry_s = first_retry_s
        self.destination = destination
        self.waiting = deliveries

    def send(self) -> None:
        """Send them in order. Never raises; a delivery that cannot even be written down is taken up again later."""
        try:
            self._send()
        except Invalid as why:
            self._end(Verdict.NEVER, why.message)
        except Error as why:
            self._end(Verdict.LATER, why.message)
        except Exception as why:
            log.exception("delivery failed", to=self.destination.ae_title)
            self._end(Verdict.LATER, f"an error inside the sender ({type(why).__name__}); it was logged")

    def _send(self) -> None:
        found = self._find_documents()
        if not found:
            return
        deadline = time.monotonic() + _GROUP_LASTS_S
        with connect(self.destination, self.ae_title, propose_contexts(found.values())) as association:
            for delivery in list(self.waiting):
                if time.monotonic() > deadline:
                    raise Unavailable("there was no time left to send this; it follows with the next attempt")
                document = found[delivery.id]
                self._settle(delivery, _send_one(self.archive, association, document))

    def _find_documents(self) -> dict[int, Outgoing]:
        found = {}
        for delivery in list(self.waiting):
            try:
                found[delivery.id] = _find_document(self.archive, delivery)
            except NotFound as why:
                self._settle(delivery, PeerStatus(Verdict.NEVER, why.message))
        return found

    def _end(self, verdict: Verdict, sentence: str) -> None:
        """The same for all that were not sent yet."""
        try:
            for delivery in list(self.waiting):
                self._settle(delivery, PeerStatus(verdict, sentence))
        except Error as why:
            log.warning("delivery not written down", to=self.destination.ae_title, reason=why.message)

    def _settle(self, delivery: Delivery, answer: PeerStatus) -> None:
        """Write down what became of a delivery."""
        metrics.DELIVERIES.labels(answer.verdict.value).inc()
        log.info(
            "delivery",
            to=self.destination.ae_title,
            format=delivery.format,
            request=delivery.request,
            outcome=answer.verdict.value,
            reason=answer.sentence,
        )
        database = self.archive.database
        if answer.verdict is Verdict.DELIVERED:
            delivered(database, delivery)
        else:
            permanent = answer.verdict is Verdict.NEVER
            failed(database, delivery, answer.sentence, permanent=permanent, first_retry_s=self.first_retry_s)
        self.waiting.remove(delivery)


def _find_document(archive: Archive, delivery: Delivery) -> Outgoing:
    with archive.database.read() as connection:
        found = first_instance(
            connection,
            instance.c.site == delivery.site,
            instance.c.sop_instance_uid == delivery.sop_instance_uid,
        )
    if found is None:
        raise NotFound("the document is no longer in the archive")
    return Outgoing(**{name: getattr(found, name) for name in Outgoing.__dataclass_fields__})


def propose_contexts(documents: Iterable[Outgoing]) -> list[Proposal]:
    """A context for each SOP class and each encoding it may go out in."""
    wanted = dict.fromkeys(
        (found.sop_class_uid, syntax)
        for found in documents
        for syntax in encodings(found.transfer_syntax_uid)
    )
    return [Proposal(sop_class_uid, (syntax,)) for sop_class_uid, syntax in wanted]


def _send_one(archive: Archive, association: Association, document: Outgoing) -> PeerStatus:
    """Send one document. Raises `Unavailable` if the association broke."""
    context = usable_context(association.contexts.values(), document)
    if context is None:
        name = UID(document.sop_class_uid).name
        return PeerStatus(
            Verdict.NEVER, f"the PACS does not accept {name}: it rejected the presentation context"
        )
    command = StoreCommand(document.sop_class_uid, document.sop_instance_uid)
    with data_set(archive, document, context.transfer_syntax) as chunks:
        return read_peer_status(association.store(context, command, chunks))

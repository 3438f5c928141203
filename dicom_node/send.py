"""C-STORE as user: what the outbox owes to nodes goes out, byte for byte as it is stored.

One association per destination. Destinations are served side by side, so that one that is down holds up nobody.
What becomes of each delivery is written as soon as it is known.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import cast

import structlog
from pydicom import Dataset, dcmread
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_node import metrics
from dicom_node.status import PeerStatus, Verdict, read_peer_status
from dicom_node.wire import WireSocket, make_sturdy
from storage.archive import Archive
from storage.errors import Error, Invalid, NotFound, Unavailable
from storage.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.retrieve import StoredInstance, first_instance, read_file
from storage.tables import instance
from worklist.delivery import FIRST_RETRY_S, SENDING_LASTS, Delivery, delivered, failed, take_due

log = structlog.get_logger("farlight.dicom_node")

_config.STORE_SEND_CHUNKED_DATASET = True  # a path is sent as it is, never decoded and encoded anew

CONNECT_TIMEOUT_S = 10
ACSE_TIMEOUT_S = 30
DIMSE_TIMEOUT_S = 60
_GROUP_LASTS_S = SENDING_LASTS.total_seconds() / 2
"""After this the rest of a group goes back to the outbox: another sender may take over what is SENDING for too long."""
_AT_ONCE = 8


@dataclass(frozen=True)
class Destination:
    """A node that receives."""

    ae_title: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


def drain_once(archive: Archive, ae_title: str, first_retry_s: float = FIRST_RETRY_S) -> int:
    """Send what is due, calling as `ae_title`; returns how many deliveries were tried.

    Raises `Unavailable` only if the outbox itself cannot be read.
    """
    due = take_due(archive.database)
    groups: dict[Destination, list[Delivery]] = defaultdict(list)
    for delivery in due:
        groups[Destination(delivery.ae_title, delivery.host, delivery.port)].append(delivery)
    if groups:
        with ThreadPoolExecutor(min(_AT_ONCE, len(groups)), "dicom-send") as pool:
            for destination, deliveries in groups.items():
                pool.submit(_Group(archive, ae_title, first_retry_s, destination, deliveries).send)
    return len(due)


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
        if self.destination.host == "*":
            raise Invalid(
                "this node is registered with the address *, which nobody can call: register its address"
            )
        found = self._find_documents()
        if not found:
            return
        deadline = time.monotonic() + _GROUP_LASTS_S
        association = _associate(self.archive, self.ae_title, self.destination, found.values())
        try:
            for delivery in list(self.waiting):
                if time.monotonic() > deadline:
                    raise Unavailable("there was no time left to send this; it follows with the next attempt")
                document = found[delivery.id]
                self._settle(delivery, _send_one(self.archive, association, document))
        finally:
            association.release()

    def _find_documents(self) -> dict[int, StoredInstance]:
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


def _find_document(archive: Archive, delivery: Delivery) -> StoredInstance:
    with archive.database.read() as connection:
        found = first_instance(
            connection,
            instance.c.site == delivery.site,
            instance.c.sop_instance_uid == delivery.sop_instance_uid,
        )
    if found is None:
        raise NotFound("the document is no longer in the archive")
    return found


def _associate(
    archive: Archive, ae_title: str, destination: Destination, documents: Iterable[StoredInstance]
) -> Association:
    """An established association that proposes what the documents need.

    Raises `Unavailable`, or `Invalid` if the peer accepts none of it.
    """
    entity = _CallingEntity(archive, ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = CONNECT_TIMEOUT_S
    entity.acse_timeout = ACSE_TIMEOUT_S
    entity.dimse_timeout = entity.network_timeout = DIMSE_TIMEOUT_S
    address = _resolve(destination)
    association = entity.associate(
        address, destination.port, contexts=propose_contexts(documents), ae_title=destination.ae_title
    )
    if not association.is_established:
        raise _refused(association, destination)
    return association


def encodings(document: StoredInstance) -> list[str]:
    """Transfer syntaxes to offer: as stored, and the one that every node must know, Implicit VR Little Endian
    (PS3.5 10.1), unless the document is compressed."""
    if UID(document.transfer_syntax_uid).is_compressed:
        return [document.transfer_syntax_uid]
    return list(dict.fromkeys([document.transfer_syntax_uid, str(ImplicitVRLittleEndian)]))


def propose_contexts(documents: Iterable[StoredInstance]) -> list[PresentationContext]:
    """A context for each SOP class and each encoding it may go out in."""
    wanted = dict.fromkeys(
        (found.sop_class_uid, syntax) for found in documents for syntax in encodings(found)
    )
    return [build_context(sop_class_uid, syntax) for sop_class_uid, syntax in wanted]


def _resolve(destination: Destination) -> str:
    """The address of a host that may be registered by name; pynetdicom takes addresses only."""
    try:
        found = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
    except OSError as why:
        raise Unavailable(f"the name {destination.host} has no address: {why.strerror}") from why
    return str(found[0][4][0])


def _refused(association: Association, destination: Destination) -> Error:
    """Why there is no association. Contexts that are not accepted today will not be tomorrow; anything else may."""
    answer = association.acceptor.primitive
    if association.is_rejected and isinstance(answer, A_ASSOCIATE):
        return Unavailable(f"{destination} rejected the association: {answer.reason_str.lower()}")
    if isinstance(answer, A_ASSOCIATE):
        return Invalid("the PACS does not accept these documents: it rejected every presentation context")
    return Unavailable(f"no connection to {destination}")


def _send_one(archive: Archive, association: Association, document: StoredInstance) -> PeerStatus:
    """Send one document. Raises `Unavailable` if the association broke."""
    transfer_syntax_uid = _usable_transfer_syntax(association, document)
    if transfer_syntax_uid is None:
        name = UID(document.sop_class_uid).name
        return PeerStatus(
            Verdict.NEVER, f"the PACS does not accept {name}: it rejected the presentation context"
        )
    with tempfile.TemporaryFile(dir=archive.incoming) as file:
        file.write(read_file(archive, document))
        file.flush()
        file.seek(0)
        as_stored = transfer_syntax_uid == document.transfer_syntax_uid
        # pynetdicom sends bytes as they are from a path only; this one needs no name that a crash would leave behind
        what: Path | Dataset = Path(f"/dev/fd/{file.fileno()}") if as_stored else dcmread(file)
        try:
            status = association.send_c_store(what)
        except RuntimeError as why:  # pynetdicom's word for: not established any more
            raise Unavailable("the connection broke before this document was sent") from why
    if "Status" not in status:
        raise Unavailable("the PACS broke the connection or did not answer in time")
    return read_peer_status(cast(int, status.Status))


def _usable_transfer_syntax(association: Association, document: StoredInstance) -> str | None:
    """What to send the document in: as stored if that was accepted, else what every node must know."""
    accepted = {
        str(context.transfer_syntax[0])
        for context in association.accepted_contexts
        if context.abstract_syntax == document.sop_class_uid
    }
    usable = encodings(document)
    return next((syntax for syntax in usable if syntax in accepted), None)


class _CallingEntity(AE):
    """An application entity whose associations are sturdy."""

    def __init__(self, archive: Archive, ae_title: str) -> None:
        super().__init__(ae_title)
        self._archive = archive

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[SSLContext, str] | None,
    ) -> AssociationSocket:
        make_sturdy(assoc, self._archive.incoming)
        connection = WireSocket(assoc, pdu_timeout_s=DIMSE_TIMEOUT_S, address=address)
        connection.tls_args = tls_args
        return connection

"""The DICOM node: a port on which registered nodes verify (C-ECHO) and store (C-STORE)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from socketserver import BaseServer
from typing import Any

import structlog
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from dicom_node import metrics
from dicom_node.conversation import Conversation
from dicom_node.peers import OVER_LIMIT, Rejection
from dicom_node.wire import WireSocket, make_sturdy
from storage.archive import Archive
from storage.errors import Conflict, Unavailable
from storage.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

_WAITING_ROOM = 64
"""Connections beyond the associations' limit that may wait for their refusal; more are closed unheard."""


@dataclass(frozen=True)
class Limits:
    """What one node process bears. A caller over a limit is told to come again (PS3.8 Table 9-21: 2, 3, 2)."""

    associations: int = 200
    associations_per_site: int = 50
    max_pdu_bytes: int = 131072
    """What we announce as the longest P-DATA that we take."""
    request_timeout_s: float = 30
    """ARTIM (PS3.8 9.1.5): how long a connection may stay without an A-ASSOCIATE-RQ."""
    idle_timeout_s: float = 300
    """An association on which nothing comes for so long is aborted."""
    pdu_timeout_s: float = 60
    """Reading one PDU, or writing one, may take so long."""


@dataclass(frozen=True)
class NodeConfig:
    """Where and as whom the node listens. Port 0 means any free one, an empty host every address."""

    archive: Archive
    ae_title: str = "FARLIGHT"
    port: int = 11112
    host: str = ""
    limits: Limits = field(default_factory=Limits)


class DicomNode:
    """Start it once, stop it once. It works in threads of its own."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.archive = config.archive
        self.ae_title = config.ae_title
        self._roster = threading.Condition()
        self._open: set[Conversation] = set()
        self._admitted: dict[Conversation, str] = {}
        self._server: _Server | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_address[1] if self._server else self.config.port

    def start(self) -> None:
        """Listen. Raises `Unavailable` if the port cannot be had."""
        if self._server is not None:
            raise Conflict("the DICOM node is running already")
        try:
            self._server = _make_server(self)
        except OSError as why:
            raise Unavailable(f"DICOM port {self.config.port} cannot be opened: {why.strerror}") from why
        serve = partial(self._server.serve_forever, poll_interval=0.05)
        self._acceptor = threading.Thread(target=serve, name="dicom-acceptor", daemon=True)
        self._acceptor.start()
        log.info("DICOM node listens", ae_title=self.ae_title, port=self.port)

    def stop(self, timeout_s: float = 10) -> None:
        """Accept nobody more, let the open associations finish for `timeout_s`, then abort what is left."""
        if self._server is None or self._acceptor is None:
            return
        self._server.shutdown()
        self._acceptor.join()
        if not self._wait_until_empty(timeout_s):
            self._abort_all()
            self._wait_until_empty(timeout_s + 5)
        self._server = self._acceptor = None

    def admit(self, conversation: Conversation, node: Node) -> Rejection | None:
        """Count an association in, or say why it cannot be."""
        limits = self.config.limits
        with self._roster:
            of_site = sum(site == node.site for site in self._admitted.values())
            if len(self._admitted) >= limits.associations or of_site >= limits.associations_per_site:
                return OVER_LIMIT
            self._admitted[conversation] = node.site
        return None

    def has_room(self) -> bool:
        """Whether another connection can be listened to at all."""
        with self._roster:
            return len(self._open) < self.config.limits.associations + _WAITING_ROOM

    def attend(self, association: Association) -> None:
        """Run one association to its end, in the caller's thread."""
        make_sturdy(association, self.archive.incoming)
        conversation = Conversation(self, association)
        self._enter(conversation)
        try:
            association.start()
            association.join()
            if association.dul.is_alive():
                association.dul.kill_dul()
                association.dul.join()
        finally:
            conversation.finish()
            self._leave(conversation)

    def _enter(self, conversation: Conversation) -> None:
        with self._roster:
            self._open.add(conversation)
        metrics.OPEN_ASSOCIATIONS.inc()

    def _leave(self, conversation: Conversation) -> None:
        metrics.OPEN_ASSOCIATIONS.dec()
        with self._roster:
            self._open.discard(conversation)
            self._admitted.pop(conversation, None)
            self._roster.notify_all()

    def _wait_until_empty(self, timeout_s: float) -> bool:
        with self._roster:
            return self._roster.wait_for(lambda: not self._open, timeout_s)

    def _abort_all(self) -> None:
        with self._roster:
            left = list(self._open)
        for conversation in left:
            conversation.hang_up()


class _Server(ThreadedAssociationServer):
    """The listening socket."""

    request_queue_size = 128
    daemon_threads = True
    node: DicomNode

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """A flood of connections is closed before it costs a thread."""
        return self.node.has_room()

    def shutdown(self) -> None:
        """Stop accepting; what is open goes on."""
        BaseServer.shutdown(self)  # pynetdicom's looks for us in a list that `AE.start_server` keeps
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A bug in our own connection handling."""
        log.exception("connection failed", address=client_address[0])


class _Connection(RequestHandler):
    """One accepted connection; socketserver gives it a thread."""

    def __init__(self, request: Any, client_address: Any, server: Any, *, node: DicomNode) -> None:
        self._node = node
        super().__init__(request, client_address, server)

    def handle(self) -> None:
        """Attend to the association, and close the connection whatever happened."""
        try:
            self._node.attend(self._create_association())
        finally:
            self.server.shutdown_request(self.request)

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the plain socket's "connection open"; ours says it again
        timeout_s = self._node.config.limits.pdu_timeout_s
        association.dul.socket = WireSocket(association, pdu_timeout_s=timeout_s, connected=self.request)
        return association


def _make_server(node: DicomNode) -> _Server:
    """The application entity and its server, bound to the port."""
    config, limits = node.config, node.config.limits
    entity = AE(config.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = limits.max_pdu_bytes
    entity.maximum_associations = limits.associations + _WAITING_ROOM + 1  # ours is the limit that counts
    entity.acse_timeout = limits.request_timeout_s
    entity.network_timeout = limits.idle_timeout_s
    server = _Server(
        entity,
        (config.host, config.port),
        config.ae_title,
        [],  # contexts are chosen for each proposal, see `dicom_node.contexts`
        request_handler=partial(_Connection, node=node),
    )
    server.node = node
    return server

"""The DICOM node: a port, or two with TLS, on which registered nodes call; one thread for each association."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from dicom_node import metrics
from dicom_node.conversation import Conversation
from dicom_node.listener import Listener
from dicom_node.listening import listen
from dicom_node.peers import OVER_LIMIT, Caller, Rejection
from dicom_node.refusals import Refusals
from dicom_node.tls import Tls, server_context
from dicom_node.upper_layer import Connection
from storage.archive import Archive
from storage.errors import Conflict, Unavailable
from storage.links import AssociationSummary, OpenAssociation
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

_WAITING_ROOM = 64
"""Connections beyond the associations' limit that may wait for their refusal; more are closed unheard. So are those
of one address of which so many, or a quarter of the limit, have not said who they are."""


@dataclass(frozen=True)
class Limits:
    """What one node process bears. A caller over a limit is told to come again (PS3.8 Table 9-21: 2, 3, 2)."""

    associations: int = 2000
    associations_per_site: int = 100
    request_timeout_s: float = 30
    """ARTIM (PS3.8 9.1.5): how long a connection may stay without an A-ASSOCIATE-RQ, and a TLS handshake may take."""
    idle_timeout_s: float = 300
    """An association on which nothing comes for so long is aborted."""
    pdu_timeout_s: float = 60
    """Reading one PDU, or writing one, may take so long."""


@dataclass(frozen=True)
class NodeConfig:
    """Where and as whom the node listens. Port 0 means any free one, an empty host every address. `listening` are
    sockets that listen already and that other processes may share: the plain one, and the one for TLS if there is."""

    archive: Archive
    ae_title: str = "FARLIGHT"
    port: int = 11112
    host: str = ""
    limits: Limits = field(default_factory=Limits)
    tls: Tls | None = None
    tls_port: int | None = None
    listening: tuple[socket.socket, ...] = ()
    on_end: Callable[[AssociationSummary], None] | None = None
    """Told of every association with a registered node that is over, and of the parts of one that lasts."""


class DicomNode:
    """Start it once, stop it once. It works in threads of its own."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.archive = config.archive
        self.ae_title = config.ae_title
        self.request_timeout_s = config.limits.request_timeout_s
        self.idle_timeout_s = config.limits.idle_timeout_s
        self._roster = threading.Condition()
        self._open: set[Conversation] = set()
        self._admitted: dict[Conversation, str] = {}
        self._of_site: Counter[str] = Counter()
        self._connections = 0
        self._unheard: Counter[str] = Counter()
        self._listeners: list[Listener] = []
        self._refusals = Refusals(config.archive)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._listeners[0].port if self._listeners else self.config.port

    @property
    def tls_port(self) -> int | None:
        """The port that is listened on with TLS, None without one."""
        return self._listeners[1].port if len(self._listeners) > 1 else None

    def start(self) -> None:
        """Listen. Raises `Unavailable` if a port cannot be had or a TLS file cannot be used."""
        if self._listeners:
            raise Conflict("the DICOM node is running already")
        config = self.config
        context = server_context(config.tls) if config.tls and config.tls_port is not None else None
        sockets = list(config.listening) or _sockets(config)
        contexts = (None, context)[: len(sockets)]
        self._listeners = [Listener(one, of, self._attend) for one, of in zip(sockets, contexts, strict=True)]
        self._refusals = Refusals(self.archive)
        self._refusals.start()
        for listener in self._listeners:
            listener.start()
        log.info("DICOM node listens", ae_title=self.ae_title, port=self.port, tls_port=self.tls_port)

    def stop(self, timeout_s: float = 10) -> None:
        """Accept nobody more, let the open associations finish for `timeout_s`, then abort what is left."""
        for listener in self._listeners:
            listener.stop()
        if self._listeners and not self._wait_until_empty(timeout_s):
            self._abort_all()
            self._wait_until_empty(timeout_s + 5)
        if self._listeners:
            self._refusals.stop()
        self._listeners = []

    def admit(self, conversation: Conversation, node: Node) -> Rejection | None:
        """Count an association in, or say why it cannot be."""
        limits = self.config.limits
        with self._roster:
            full = len(self._admitted) >= limits.associations
            if full or self._of_site[node.site] >= limits.associations_per_site:
                return OVER_LIMIT
            self._admitted[conversation] = node.site
            self._of_site[node.site] += 1
            if conversation.caller is not None:
                self._count_unheard(conversation.caller.address, -1)
        return None

    def open_associations(self) -> list[OpenAssociation]:
        """Those of registered nodes that are open now."""
        with self._roster:
            conversations = list(self._open)
        return [open_one for one in conversations if (open_one := one.now()) is not None]

    def refused(self, caller: Caller, rejection: Rejection) -> None:
        """Keep it for the administrator."""
        self._refusals.note(caller, rejection)

    def ended(self, summary: AssociationSummary) -> None:
        """Tell whoever keeps the book of links."""
        if self.config.on_end is not None:
            self.config.on_end(summary)

    def _attend(self, connected: socket.socket, address: str, context: ssl.SSLContext | None) -> None:
        """One connection from its beginning to its end, in a thread of its own unless there is no room."""
        most = self.config.limits.associations
        with self._roster:
            is_flood = self._unheard[address] >= max(_WAITING_ROOM, most // 4)
            if is_flood or self._connections >= most + _WAITING_ROOM:
                connected.close()
                return
            self._connections += 1
            self._unheard[address] += 1
        metrics.OPEN_ASSOCIATIONS.inc()
        thread = threading.Thread(
            target=self._converse, args=(connected, address, context), name=f"dicom {address}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system has none to give
            log.exception("no thread for a connection")
            self._forget(connected, address)

    def _forget(self, connected: socket.socket, address: str) -> None:
        connected.close()
        metrics.OPEN_ASSOCIATIONS.dec()
        with self._roster:
            self._connections -= 1
            self._count_unheard(address, -1)
            self._roster.notify_all()

    def _count_unheard(self, address: str, more: int) -> None:
        """Connections by address that belong to no registered node, or not yet; the caller holds the roster."""
        self._unheard[address] += more
        if not self._unheard[address]:
            del self._unheard[address]

    def _converse(self, connected: socket.socket, address: str, context: ssl.SSLContext | None) -> None:
        try:
            secured = self._secured(connected, context)
            if secured is not None:
                self._hold(Connection(secured, self.config.limits.pdu_timeout_s), address)
        except OSError as why:
            log.warning("connection lost", address=address, reason=why.strerror)
        finally:
            self._forget(connected, address)

    def _secured(self, connected: socket.socket, context: ssl.SSLContext | None) -> socket.socket | None:
        """The connection, after the TLS handshake where there is one; None where that failed."""
        if context is None:
            return connected
        connected.settimeout(self.request_timeout_s)
        try:
            return context.wrap_socket(connected, server_side=True)
        except (OSError, ssl.SSLError) as why:
            metrics.TLS_FAILURES.inc()
            log.warning("TLS handshake failed", reason=getattr(why, "reason", None) or type(why).__name__)
            return None

    def _hold(self, connection: Connection, address: str) -> None:
        conversation = Conversation(self, connection, address)
        with self._roster:
            self._open.add(conversation)
        try:
            conversation.run()
        finally:
            try:
                conversation.finish()
            finally:
                connection.close()
                self._leave(conversation)

    def _leave(self, conversation: Conversation) -> None:
        with self._roster:
            self._open.discard(conversation)
            site = self._admitted.pop(conversation, None)
            if site is not None:
                self._of_site[site] -= 1
                if conversation.caller is not None:
                    self._count_unheard(conversation.caller.address, 1)  # until it is forgotten

    def _wait_until_empty(self, timeout_s: float) -> bool:
        with self._roster:
            return self._roster.wait_for(lambda: not self._connections, timeout_s)

    def _abort_all(self) -> None:
        with self._roster:
            left = list(self._open)
        for conversation in left:
            conversation.hang_up()


def _sockets(config: NodeConfig) -> list[socket.socket]:
    sockets = [listen(config.host, config.port)]
    try:
        if config.tls is not None and config.tls_port is not None:
            sockets.append(listen(config.host, config.tls_port))
    except Unavailable:
        sockets[0].close()
        raise
    return sockets

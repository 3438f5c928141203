"""The upper layer made sturdy: what pynetdicom leaves open to a peer that is broken, slow or hostile.

Three narrow replacements, put into an association before it starts:

    WireSocket     a PDU longer than anybody needs is not read but answered with A-ABORT; reading one PDU and
                   writing one have a time limit; a socket is closed even if its peer has gone; an association on
                   which nothing happens sleeps instead of looking a thousand times a second
    SturdyMachine  an event that the state machine cannot digest ends the association instead of its thread
    Intake         see `dicom_node.incoming`
"""

from __future__ import annotations

import logging
import select
import socket
import time
from contextlib import suppress
from pathlib import Path

import structlog
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import StateMachine
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.transport import AddressInformation, AssociationSocket

from dicom_node.incoming import IDLE_AFTER_S, IDLE_WAIT_S, Intake

log = structlog.get_logger("farlight.dicom_node")

# pynetdicom describes every PDU and message for its own log, at a cost and with what is in them; and a peer's
# garbage is one line of ours, not a traceback of theirs
_config.LOG_HANDLER_LEVEL = "none"
if logging.getLogger("pynetdicom").level == logging.NOTSET:
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

LONGEST_PDU = 1 << 20
"""Bytes. The largest honest PDU is an A-ASSOCIATE-RQ of 128 contexts with every transfer syntax, some 200 KiB; data
PDUs are smaller than we announce. A peer that exceeds what we announced by less than this is tolerated."""
_INVALID_PDU = "Evt19"  # PS3.8 Table 9-2


class WireSocket(AssociationSocket):
    """A peer's connection whose PDUs are bounded in length and time."""

    def __init__(
        self,
        association: Association,
        *,
        pdu_timeout_s: float,
        connected: socket.socket | None = None,
        address: AddressInformation | None = None,
    ) -> None:
        super().__init__(association, client_socket=connected, address=address)
        self._pdu_timeout_s = pdu_timeout_s
        self._received_at = time.monotonic()

    @property
    def ready(self) -> bool:
        """Whether there is something to read. Once we have refused or aborted (Sta13) there is not: waiting for the
        rest of a garbled PDU would keep the connection open."""
        if self.socket is None or self.assoc.dul.state_machine.current_state == "Sta13":
            return False
        if time.monotonic() - self._received_at > IDLE_AFTER_S:
            with suppress(OSError, ValueError):  # closed meanwhile, as the look that follows will find
                select.select([self.socket], [], [], IDLE_WAIT_S)
        return super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Read `nr_bytes`, fewer if the peer closed. Raises `TimeoutError` if that takes too long.

        A length beyond `LONGEST_PDU` is an invalid PDU: nothing is read, and the state machine aborts.
        """
        if nr_bytes > LONGEST_PDU:
            self.event_queue.put(_INVALID_PDU)
            return bytearray()
        return self._read(nr_bytes)

    def _read(self, nr_bytes: int) -> bytearray:
        connection, received = self.socket, 0
        data = bytearray(nr_bytes)
        if connection is None:
            return bytearray()
        deadline = time.monotonic() + self._pdu_timeout_s
        while received < nr_bytes:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            count = connection.recv_into(memoryview(data)[received:])
            if count == 0:
                return data[:received]
            received += count
        self._received_at = time.monotonic()
        return data

    def send(self, bytestream: bytes) -> None:
        """Write; a peer that does not read for `pdu_timeout_s` has lost the connection."""
        if self.socket is not None:
            self.socket.settimeout(self._pdu_timeout_s)
            super().send(bytestream)

    def _shutdown_socket(self) -> None:
        """Close in any case: `shutdown` fails on a connection that its peer has left, and the socket stayed open."""
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()


class SturdyMachine(StateMachine):
    """The state machine of PS3.8 9.2; an event that raises ends this association only."""

    def do_action(self, event: str) -> None:
        """As pynetdicom's, and A-ABORT where that raises."""
        try:
            super().do_action(event)
        except Exception as why:
            log.warning(
                "association broke", event_number=event, state=self.current_state, error=type(why).__name__
            )
            self._give_up()

    def _give_up(self) -> None:
        abort = A_ABORT_RQ()
        abort.source, abort.reason_diagnostic = 2, 0
        connection = self.dul.socket
        if connection is not None:
            connection.send(abort.encode())
            connection.close()
        self.current_state = "Sta1"
        self.dul.kill_dul()
        tell_closed(self.dul)


def tell_closed(dul: DULServiceProvider) -> None:
    """Wake the association's thread, which otherwise waits for a request until its timeout.

    Before a request pynetdicom takes None for "no request came"; later it wants an A-P-ABORT.
    """
    if dul.assoc.requestor.primitive is None:
        dul.to_user_queue.put(None)
    else:
        lost = A_P_ABORT()
        lost.provider_reason = 0
        dul.to_user_queue.put(lost)


def make_sturdy(association: Association, folder: Path) -> None:
    """Put the replacements other than the socket into an association that has not started."""
    association.dul.state_machine = SturdyMachine(association.dul)
    association.dimse = Intake(association, folder)

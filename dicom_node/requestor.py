"""Calling another node: a connection, a request for association, and an orderly end (PS3.8 7)."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from dicom_node.association import Association
from dicom_node.negotiation import MAX_CONTEXTS, Negotiated, Proposal, propose, read_answer, read_rejection
from dicom_node.tls import encrypt
from dicom_node.upper_layer import (
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    RELEASE_RP,
    RELEASE_RQ,
    USER,
    Aborted,
    Connection,
    Idle,
    Lost,
    Violation,
)
from storage.errors import Invalid, Unavailable

CONNECT_TIMEOUT_S = 10.0
ACSE_TIMEOUT_S = 30.0
DIMSE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Destination:
    """A node that is called; `certificate` is the SHA-256 fingerprint of the one it must show over TLS, if any."""

    ae_title: str
    host: str
    port: int
    tls: bool = False
    certificate: str = ""

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"


@contextmanager
def connect(destination: Destination, ae_title: str, proposals: Sequence[Proposal]) -> Iterator[Association]:
    """An open association, calling as `ae_title`; released at the block's end, aborted if an error ends it.

    Raises `Unavailable` if nobody is there or it is refused, `Invalid` if no context is accepted.
    """
    connection = Connection(_open(destination), DIMSE_TIMEOUT_S)
    try:
        association = _negotiate(connection, destination, ae_title, proposals[:MAX_CONTEXTS])
        try:
            yield association
        except BaseException:
            connection.abort(USER)
            raise
        _release(connection, association)
    finally:
        connection.close()


def _open(destination: Destination) -> socket.socket:
    if destination.host == "*":
        raise Invalid(
            "this node is registered with the address *, which nobody can call: register its address"
        )
    try:
        plain = socket.create_connection((destination.host, destination.port), CONNECT_TIMEOUT_S)
    except socket.gaierror as why:
        raise Unavailable(f"the name {destination.host} has no address: {why.strerror}") from why
    except OSError as why:
        raise Unavailable(f"no connection to {destination}") from why
    if not destination.tls:
        return plain
    try:
        return encrypt(plain, destination.host, destination.certificate)
    except (OSError, ssl.SSLError) as why:
        raise Unavailable(
            f"no TLS connection to {destination}: {getattr(why, 'reason', None) or why}"
        ) from why


def _negotiate(
    connection: Connection, destination: Destination, ae_title: str, proposals: Sequence[Proposal]
) -> Association:
    try:
        connection.write(propose(ae_title, destination.ae_title, proposals))
        kind, length = connection.read_head(ACSE_TIMEOUT_S)
        body = connection.read_body(length)
        if kind == ASSOCIATE_RJ:
            reason = read_rejection(body).text
            raise Unavailable(f"{destination} rejected the association: {reason}")
        if kind != ASSOCIATE_AC:
            raise Unavailable(f"{destination} broke off before an association was made")
        agreed = read_answer(body, proposals)
    except (Lost, Idle, Violation) as why:
        raise Unavailable(f"{destination} does not answer a request for association") from why
    _require_something(agreed, connection)
    return Association(
        connection,
        agreed.contexts,
        rejected=agreed.rejected,
        longest_pdu=agreed.longest_pdu,
        idle_timeout_s=DIMSE_TIMEOUT_S,
    )


def _require_something(agreed: Negotiated, connection: Connection) -> None:
    """Contexts that are not accepted today will not be tomorrow."""
    if not agreed.contexts:
        connection.abort(USER)
        raise Invalid("the PACS does not accept these documents: it rejected every presentation context")


def _release(connection: Connection, association: Association) -> None:
    """A-RELEASE (PS3.8 7.2); a peer that is gone already has released too."""
    if association.released:
        return
    deadline = time.monotonic() + ACSE_TIMEOUT_S
    with suppress(Lost, Idle, Violation, Aborted):
        connection.write(struct.pack(">BxLxxxx", RELEASE_RQ, 4))
        kind = 0
        while kind != RELEASE_RP and (left := deadline - time.monotonic()) > 0:
            kind, length = connection.read_head(left)
            connection.read_body(length)
            if kind == RELEASE_RQ:  # both at once: who has called answers first (PS3.8 9.2, AR-8)
                connection.write(struct.pack(">BxLxxxx", RELEASE_RP, 4))

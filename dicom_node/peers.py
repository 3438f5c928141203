"""Who calls: only registered nodes are let in, by AE title and address; everyone else is refused."""

from __future__ import annotations

from dataclasses import dataclass

from storage.archive import Archive
from storage.sites import Node, find_node


@dataclass(frozen=True)
class Rejection:
    """An A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    result: int
    source: int
    reason: int
    text: str


CALLING_UNKNOWN = Rejection(1, 1, 3, "calling AE title not recognized")
CALLED_UNKNOWN = Rejection(1, 1, 7, "called AE title not recognized")
WRONG_CERTIFICATE = Rejection(1, 1, 1, "the node did not show the certificate it is registered with")
VERSION_UNKNOWN = Rejection(1, 2, 2, "protocol version not supported")
CONGESTED = Rejection(2, 3, 1, "temporary congestion")
OVER_LIMIT = Rejection(2, 3, 2, "local limit exceeded")


@dataclass(frozen=True)
class Caller:
    """An association's other side as it names itself, and where it calls from."""

    calling_ae_title: str
    called_ae_title: str
    address: str
    certificate: str = ""
    """SHA-256 fingerprint of the TLS certificate it showed, in hexadecimal digits; empty without one."""


def recognize(archive: Archive, caller: Caller, own_ae_title: str) -> Node | Rejection:
    """The registered node that calls, or why it is refused. Titles are compared without surrounding spaces.

    Raises `Unavailable` when the register cannot be read.
    """
    with archive.database.read() as connection:
        found = find_node(connection, caller.calling_ae_title, caller.address)
    if found is None:
        return CALLING_UNKNOWN
    if caller.called_ae_title.strip() != own_ae_title.strip():
        return CALLED_UNKNOWN
    if found.certificate and found.certificate != caller.certificate:
        return WRONG_CERTIFICATE
    return found


def plain_address(address: str) -> str:
    """An IPv4 address that arrived on an IPv6 socket (``::ffff:10.0.0.1``) in the form people register."""
    return address.removeprefix("::ffff:") if "." in address else address

"""DICOM over TLS: the BCP 195 profiles (PS3.15 B.9 to B.13).

TLS 1.2 and 1.3, ephemeral keys and authenticated ciphers only, as RFC 9325 recommends. A node may be bound to its
certificate by the SHA-256 fingerprint that is registered with it, whoever calls.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from storage.errors import Unavailable

CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
    )
)
"""For TLS 1.2; those of 1.3 are all of this kind."""


class Clients(StrEnum):
    """Whether callers show a certificate of their own."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True)
class Tls:
    """Our certificate with its chain and key (PEM files), and the authorities whose certificates callers show."""

    certificate: Path
    key: Path
    authorities: Path | None = None
    clients: Clients = Clients.OPTIONAL


_ours: Tls | None = None


def use(tls: Tls | None) -> None:
    """What this process shows when it calls a node over TLS; told once, when the process starts."""
    global _ours  # noqa: PLW0603 - one identity per process
    _ours = tls
    _client_context.cache_clear()


def server_context(tls: Tls) -> ssl.SSLContext:
    """For the port on which nodes call. Raises `Unavailable`, naming the file, if a file cannot be used."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _load(context, tls)
    context.verify_mode = {
        Clients.NONE: ssl.CERT_NONE,
        Clients.OPTIONAL: ssl.CERT_OPTIONAL,
        Clients.REQUIRED: ssl.CERT_REQUIRED,
    }[tls.clients if tls.authorities or tls.clients is Clients.REQUIRED else Clients.NONE]
    return context


def encrypt(plain: socket.socket, host: str, certificate: str = "") -> ssl.SSLSocket:
    """The connection to a node that we called, after the handshake; `plain` is closed if it fails.

    A node whose `certificate` (SHA-256 fingerprint) is registered must show this very one, whoever issued it. Else it
    must come from our authorities, or, where none are set, from one of the system's and name the `host`: those vouch
    for anybody. Raises `OSError` (`ssl.SSLError`), and `Unavailable` if our own files cannot be used or the
    certificate is another one.
    """
    try:
        secured = _client_context(bool(certificate)).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
    if certificate and fingerprint(secured.getpeercert(binary_form=True)) != certificate:
        secured.close()
        raise Unavailable("the node does not show the certificate it is registered with")
    return secured


@lru_cache(maxsize=2)
def _client_context(is_bound: bool) -> ssl.SSLContext:
    """For calling. Of a node that is bound to its certificate, this is compared after the handshake instead."""
    context = _hardened(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    has_authorities = _ours is not None and _ours.authorities is not None
    # a PACS inside a hospital is known by its address, and its certificate by who issued it
    context.check_hostname = not has_authorities and not is_bound
    if is_bound:
        context.verify_mode = ssl.CERT_NONE
    if not has_authorities:
        context.load_default_certs()
    if _ours is not None:
        _load(context, _ours)
    return context


def fingerprint(certificate: bytes | None) -> str:
    """SHA-256 of a certificate (DER) in hexadecimal digits, empty without one."""
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


def _hardened(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _load(context: ssl.SSLContext, tls: Tls) -> None:
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.authorities is not None:
            context.load_verify_locations(tls.authorities)
    except (OSError, ssl.SSLError) as why:
        files = ", ".join(str(file) for file in (tls.certificate, tls.key, tls.authorities) if file)
        raise Unavailable(f"the TLS files cannot be used ({files}): {why.strerror or why}") from why

"""Authorities, servers and callers with certificates, made by OpenSSL for one test run."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the certificate (DER), as people copy it: with colons and capitals."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        return hashlib.sha256(der).hexdigest()


def make_authority(folder: Path, name: str) -> Identity:
    """A self-signed certificate authority."""
    made = Identity(folder / f"{name}.crt", folder / f"{name}.key")
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}"),
        *("-keyout", made.key, "-out", made.certificate),
    )
    return made


def issue(folder: Path, name: str, authority: Identity) -> Identity:
    """A certificate that the authority signed."""
    made, request = Identity(folder / f"{name}.crt", folder / f"{name}.key"), folder / f"{name}.csr"
    _openssl(
        *(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            made.key,
            "-out",
            request,
        )
    )
    _openssl(
        *(
            "x509",
            "-req",
            "-in",
            request,
            "-days",
            "30",
            "-CA",
            authority.certificate,
            "-CAkey",
            authority.key,
        ),
        *("-CAcreateserial", "-out", made.certificate),
    )
    return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

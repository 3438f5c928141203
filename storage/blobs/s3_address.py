"""Where an S3 store is and who we are to it: the blob store's URL, and the keys that are never part of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from storage.errors import Invalid

DEFAULT_REGION = "us-east-1"
FORM = "s3://bucket[/prefix]?endpoint=host[:port]&region=…&sse=…"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PARAMETERS = ("endpoint", "region", "sse")
KMS = "KMS:"


@dataclass(frozen=True)
class S3Keys:
    """Access key and secret key. Neither is ever shown."""

    access: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True)
class S3Address:
    """A bucket, or the part of one below `prefix`; `host` has the port if it is not the scheme's own.

    `sse` is empty (the bucket's own setting decides), ``AES256``, or ``KMS:`` and the name of a key.
    """

    bucket: str
    prefix: str
    host: str
    secure: bool
    region: str
    sse: str

    @property
    def endpoint(self) -> str:
        """Scheme and host, for messages."""
        return f"{'https' if self.secure else 'http'}://{self.host}"

    def name(self, key: str) -> str:
        """A blob's name in the bucket. Raises `Invalid` for a key that is no plain relative path."""
        parts = key.split("/")
        if not all(parts) or parts[0].startswith(".") or {".", ".."} & set(parts):
            raise Invalid("a blob key is a plain relative path")
        return self.prefix + key


def parse_s3_url(url: str) -> S3Address:
    """``s3://bucket[/prefix]?endpoint=…``. A bare host is spoken to over TLS; plain HTTP only by ``http://host``.

    Raises `Invalid`, naming what is wrong; the message never repeats the whole URL.
    """
    split = _split(url)
    if "@" in split.netloc:
        raise _wrong("keys do not belong there: set FARLIGHT_S3_ACCESS_KEY and FARLIGHT_S3_SECRET_KEY")
    given = _parameters(split.query)
    if split.fragment:
        raise _wrong(f"it has a fragment (#); write {FORM}")
    if not _BUCKET.fullmatch(split.netloc):
        raise _wrong("a bucket's name has 3 to 63 small letters, digits, dots and hyphens")
    secure, host = _host(given.get("endpoint", ""))
    prefix = split.path.strip("/")
    return S3Address(
        bucket=split.netloc,
        prefix=f"{prefix}/" if prefix else "",
        host=host,
        secure=secure,
        region=given.get("region", DEFAULT_REGION),
        sse=_sse(given.get("sse", "")),
    )


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        _ = split.port
    except ValueError as why:
        raise _wrong("it or its endpoint is no URL") from why
    return split


def _parameters(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, value in pairs:
        if name not in _PARAMETERS:
            raise _wrong(f"{name[:40]!r} is no parameter; there are: {', '.join(_PARAMETERS)}")
        if not value:
            raise _wrong(f"{name} is empty")
    if len(dict(pairs)) < len(pairs):
        raise _wrong("a parameter is given twice")
    return dict(pairs)


def _host(endpoint: str) -> tuple[bool, str]:
    if not endpoint:
        raise _wrong("endpoint is missing; it is the address of the S3 store, as in endpoint=s3.example.org")
    split = _split(endpoint if "://" in endpoint else f"https://{endpoint}")
    known = split.scheme in ("http", "https") and split.hostname and "@" not in split.netloc
    if not known or split.path.strip("/") or split.query or split.fragment:
        raise _wrong("endpoint is a host with or without port, or http://host, or https://host")
    return split.scheme == "https", split.netloc


def _sse(value: str) -> str:
    if value not in ("", "AES256") and not (value.startswith(KMS) and len(value) > len(KMS)):
        raise _wrong("sse is AES256, or KMS: and the name of a key")
    return value


def _wrong(what: str) -> Invalid:
    return Invalid(f"FARLIGHT_BLOBS_URL: {what}")

"""Absolute addresses of this service, as the client reached it (RFC 7239 Forwarded, else X-Forwarded-*)."""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import Request

_HOST = re.compile(r"[A-Za-z0-9._~-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PAIR = re.compile(r'(\w+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]+)')


def base_url(request: Request, site: str) -> str:
    """Up to and with ``/dicom-web``: the tree of one hospital, as only there a study UID names one study."""
    return f"{_root_url(request)}/sites/{quote(site, safe='')}/dicom-web"


def service_url(request: Request) -> str:
    """Up to and with ``/dicom-web``: the tree that the request is in."""
    site = request.path_params.get("site")
    return f"{_root_url(request)}/dicom-web" if site is None else base_url(request, site)


def instance_url(base: str, study: str, series: str, instance: str) -> str:
    """The address of one instance below `base_url`."""
    return f"{base}/studies/{study}/series/{series}/instances/{instance}"


def _root_url(request: Request) -> str:
    scheme, host = _origin(request)
    return f"{scheme}://{host}{_prefix(request)}{request.scope.get('root_path', '')}"


def _origin(request: Request) -> tuple[str, str]:
    forwarded = _forwarded(request)
    headers = request.headers
    scheme = forwarded.get("proto") or _first(headers.get("x-forwarded-proto")) or request.url.scheme
    host = forwarded.get("host") or _first(headers.get("x-forwarded-host")) or headers.get("host", "")
    if not _HOST.fullmatch(host):
        host = request.url.netloc
    host += _forgotten_port(request, host)
    return "https" if scheme.lower() == "https" else "http", host


def _forgotten_port(request: Request, host: str) -> str:
    """Our port, where a client that calls us directly names our very address without it, as dicomweb-client does.

    A proxy names the address that it has itself, or says that it is one.
    """
    address, port = request.scope.get("server") or ("", None)
    proxied = any(name == "via" or "forwarded" in name for name in request.headers)
    ours = host == address or (host == "localhost" and address in ("127.0.0.1", "::1"))
    return f":{port}" if ours and port not in (None, 80, 443) and not proxied else ""


def _forwarded(request: Request) -> dict[str, str]:
    """The proxy nearest to the client stands first."""
    nearest, _, _ = request.headers.get("forwarded", "").partition(",")
    return {key.lower(): value.strip('"') for key, value in _PAIR.findall(nearest)}


def _prefix(request: Request) -> str:
    prefix = _first(request.headers.get("x-forwarded-prefix")).rstrip("/")
    return prefix if re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", prefix) else ""


def _first(value: str | None) -> str:
    return (value or "").partition(",")[0].strip()

"""Connections to an S3 store that acknowledge an answer's first piece at once.

Many servers (Ceph's gateway as it is delivered) send the head of an answer and a small body in two pieces and hold
the second back until the first is acknowledged (Nagle's algorithm). Linux holds that acknowledgement back for 40 ms,
which would be most of the time that reading one frame takes.
"""

from __future__ import annotations

import socket

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_AT_ONCE = getattr(socket, "TCP_QUICKACK", None)


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # its parent says the same in a private word
        _acknowledge_at_once(self.sock)
        return super().getresponse()


class _TlsConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _acknowledge_at_once(self.sock)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS = {"http": _Pool, "https": _TlsPool}
"""For `urllib3.PoolManager.pool_classes_by_scheme`."""


def _acknowledge_at_once(connected: socket.socket | None) -> None:
    """The system forgets it soon, so that it is said anew for each answer."""
    if connected is not None and _AT_ONCE is not None:
        connected.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)

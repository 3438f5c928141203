"""Sockets that listen. They may be opened by the process that watches over several nodes and be shared by these:
the system hands each caller to one of them, and a caller who comes while a node is restarted waits instead of being
refused."""

from __future__ import annotations

import socket

from storage.errors import Unavailable

BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `port`, 0 for any free one; an empty `host` means every address, IPv6 ones too.

    Raises `Unavailable` if the port cannot be had.
    """
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as why:
        raise Unavailable(f"port {port} cannot be opened: {why.strerror}") from why

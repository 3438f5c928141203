"""Memory of the web processes while they work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.web_servers import WebServer

_LOOK_EVERY_S = 0.05


@dataclass
class Peak:
    """The most that one web process had resident, mapped files included."""

    bytes: int = 0

    def told(self, studies: int) -> str:
        """A sentence for below the table."""
        return f"The largest web process held {self.bytes >> 20} MB while it rendered, {studies:,} studies."


@contextmanager
def peak_of(server: WebServer, peak: Peak) -> Iterator[None]:
    """Look again and again within the block."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            peak.bytes = max(peak.bytes, server.web_resident_bytes())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()

"""The attributes that decide what a picture looks like, read once for all frames of an instance.

Making a data set from the index takes longer than making the picture: 10 ms for a CT slice, and seconds for an
enhanced object with a thousand frames, whose viewer asks for each frame by itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from pydicom import Dataset

from storage.archive import Archive
from storage.bulkdata import complete_header
from storage.retrieve import StoredInstance

_OVERLAYS = frozenset(f"{group:04X}" for group in range(0x6000, 0x6020, 2))
_GROUPS = frozenset({"0008", "0018", "0028", "0048", "2050", "5200"}) | _OVERLAYS
"""Image pixel, look-up tables and windows, spacings, optical paths, presentation, functional groups, overlays."""
_MAX_HEADERS = 1024
"""More than two large series: who goes through one again and again shall find all of it."""
_MAX_HEADER_BYTES = 4 << 20
"""Of headers as they are encoded; as data sets they take some thirty times as much."""


class HeaderCache:
    """The headers used last, by the hash of their instance. They are shared between threads: read, never change."""

    def __init__(self, max_headers: int = _MAX_HEADERS, max_header_bytes: int = _MAX_HEADER_BYTES) -> None:
        self._limits = (max_headers, max_header_bytes)
        self._held: OrderedDict[str, tuple[Dataset, int]] = OrderedDict()
        self._header_bytes = 0
        self._lock = threading.Lock()

    def get(self, archive: Archive, found: StoredInstance) -> Dataset:
        """The header's part that rendering needs."""
        with self._lock:
            if found.sha256 in self._held:
                self._held.move_to_end(found.sha256)
                return self._held[found.sha256][0]
        header = complete_header(archive, found, _GROUPS)
        with self._lock:
            self._put(found.sha256, header, found.header_length)
        return header

    def _put(self, sha256: str, header: Dataset, header_bytes: int) -> None:
        if sha256 not in self._held:
            self._held[sha256] = (header, header_bytes)
            self._header_bytes += header_bytes
        while len(self._held) > 1 and self._is_full():
            _, (_, freed) = self._held.popitem(last=False)
            self._header_bytes -= freed

    def _is_full(self) -> bool:
        return len(self._held) > self._limits[0] or self._header_bytes > self._limits[1]

    def __len__(self) -> int:
        return len(self._held)


_cache = HeaderCache()


def render_header(archive: Archive, found: StoredInstance) -> Dataset:
    """The attributes for rendering, bulk values included. The data set is shared: it must not be changed."""
    return _cache.get(archive, found)

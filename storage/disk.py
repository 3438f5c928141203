"""Room on a disk: refusing early leaves the index room to stay consistent."""

from __future__ import annotations

import os
import time
from pathlib import Path

from storage.errors import Unavailable

RESERVE = 256 << 20
"""Bytes of disk that are never filled."""


_LOOK_EVERY_S = 0.2
_looks: dict[str, tuple[float, int]] = {}
"""By folder, when its disk was last looked at and what was free then."""


def require_room(folder: Path, reserve: int = RESERVE) -> None:
    """Raise `Unavailable` if less than `reserve` bytes are free where `folder` lies. `OSError` if it is not there.

    What was seen a moment ago holds: the reserve is more than arrives in that time.
    """
    name, now = os.fspath(folder), time.monotonic()
    at, free = _looks.get(name, (0.0, 0))
    if now - at > _LOOK_EVERY_S or free < reserve:
        status = os.statvfs(folder)
        free = status.f_bavail * status.f_frsize
        _looks[name] = (now, free)
    if free < reserve:
        raise Unavailable(
            f"the disk of the data folder is nearly full: {free >> 20} MiB free, "
            f"{reserve >> 20} MiB are kept back; make room or move FARLIGHT_DATA"
        )

"""Room on a disk: refusing early leaves the index room to stay consistent."""

from __future__ import annotations

import os
from pathlib import Path

from storage.errors import Unavailable

RESERVE = 256 << 20
"""Bytes of disk that are never filled."""


def require_room(folder: Path, reserve: int = RESERVE) -> None:
    """Raise `Unavailable` if less than `reserve` bytes are free where `folder` lies. `OSError` if it is not there."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < reserve:
        raise Unavailable(
            f"the disk of the data folder is nearly full: {free >> 20} MiB free, "
            f"{reserve >> 20} MiB are kept back; make room or move FARLIGHT_DATA"
        )

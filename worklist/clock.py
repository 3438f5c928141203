"""How long a reading may take: due times, and the pauses while the work is not with the reader."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from worklist.agreements import Priority

LEASE = timedelta(minutes=15)
"""A claim lives this long after the last heartbeat."""
LONGEST_CLAIM = timedelta(hours=4)
"""and never longer than this, heartbeats or not."""

TARGET = {
    Priority.EMERGENCY: timedelta(minutes=60),
    Priority.URGENT: timedelta(hours=4),
    Priority.ROUTINE: timedelta(hours=24),
}
PINNED = {
    Priority.EMERGENCY: timedelta(minutes=5),
    Priority.URGENT: timedelta(minutes=15),
    Priority.ROUTINE: timedelta(minutes=240),
}
"""How long a request that is meant for one doctor is kept from the others."""


def start(priority: Priority, now: datetime) -> dict[str, Any]:
    """The clock begins."""
    return {"due_at": now + TARGET[priority], "time_left_s": None}


def pause(due_at: datetime | None, now: datetime) -> dict[str, Any]:
    """The work is with somebody else: remember what was left (negative if it was late)."""
    left = None if due_at is None else int((due_at - now).total_seconds())
    return {"due_at": None, "time_left_s": left}


def resume(priority: Priority, time_left_s: int | None, now: datetime) -> dict[str, Any]:
    """The clock goes on where it stood, or begins."""
    if time_left_s is None:
        return start(priority, now)
    return {"due_at": now + timedelta(seconds=time_left_s), "time_left_s": None}


def renewed_lease(claimed_at: datetime, now: datetime) -> datetime:
    """Until when a claim lives after a sign of life."""
    return min(now + LEASE, claimed_at + LONGEST_CLAIM)

"""When silence of a sender is unusual: learned from its own past, hour by hour of the week.

A county hospital is silent every night, and a dead line looks like a quiet day. So time counts by how likely it is
that something comes in that hour: a night of nothing is no time at all, an hour of a busy morning is a whole one. In
that measure a sender has its normal gap; three times that, in hours in which pure chance does not explain it, is an
alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEKS = 8
"""How far back the past is looked at."""
HOUR = timedelta(hours=1)
_WEEK_HOURS = 168
_LEAST_HISTORY = timedelta(days=7)
_LEAST_HOURS = 20
"""With fewer hours in which something came there is nothing to learn from."""
_TIMES = 3.0
_FLOOR_HOURS = 1.0
_SURPRISE = 14.0
"""-ln(P): one such silence by chance in about a million."""
_PRIOR = 2.0


@dataclass(frozen=True)
class Usual:
    """How a sender behaves: `active[h]` is the chance that something comes in hour h of the week (0: Monday, local
    midnight), `gap_hours` its normal gap in hours so weighted."""

    active: tuple[float, ...]
    gap_hours: float

    def to_json(self) -> dict[str, Any]:
        """For the index."""
        return {"active": [round(chance, 4) for chance in self.active], "gap_hours": round(self.gap_hours, 3)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Usual | None:
        """The inverse; None where nothing was learned yet."""
        return cls(tuple(value["active"]), value["gap_hours"]) if value else None


@dataclass(frozen=True)
class Silence:
    """How long nothing came, `hours` weighted, `times` the normal gap, and whether that is `unusual`."""

    hours: float
    times: float
    unusual: bool


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def learn(active_hours: Sequence[datetime], since: datetime, until: datetime, zone: str) -> Usual | None:
    """From the hours in which something came, between `since` and `until`; None while the past is too short."""
    begin = max(hour_of(since), hour_of(until) - timedelta(weeks=WEEKS))
    active = {hour for hour in active_hours if begin <= hour <= until}
    if until - begin < _LEAST_HISTORY or len(active) < _LEAST_HOURS:
        return None
    past = [(place, hour in active) for hour, place in _hours(begin, hour_of(until), ZoneInfo(zone))]
    chances = _chances(past)
    return Usual(chances, _normal_gap(past, chances))


def judge(usual: Usual, last_at: datetime, now: datetime, zone: str) -> Silence:
    """Weigh the silence since `last_at`."""
    hours = surprise = 0.0
    begin = max(last_at, now - timedelta(weeks=WEEKS))
    for hour, place in _hours(hour_of(begin), hour_of(now), ZoneInfo(zone)):
        part = (min(hour + HOUR, now) - max(hour, begin)) / HOUR
        hours += part * usual.active[place]
        surprise -= part * math.log1p(-usual.active[place])
    times = hours / usual.gap_hours
    long_enough = (now - last_at) / HOUR >= _FLOOR_HOURS
    return Silence(hours, times, long_enough and times >= _TIMES and surprise >= _SURPRISE)


def _hours(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, int]]:
    """Each hour from `begin` to `end`, both whole, with its place in the local week."""
    hour = begin
    while hour <= end:
        local = hour.astimezone(zone)
        yield hour, local.weekday() * 24 + local.hour
        hour += HOUR


def _chances(past: Sequence[tuple[int, bool]]) -> tuple[float, ...]:
    """By hour of the week; a few weeks are little, so the same hour of the other working days lends its weight."""
    seen, came = [0] * _WEEK_HOURS, [0] * _WEEK_HOURS
    for place, is_active in past:
        seen[place] += 1
        came[place] += is_active
    return tuple(
        (came[h] + _PRIOR * _of_like_days(seen, came, h)) / (seen[h] + _PRIOR) for h in range(_WEEK_HOURS)
    )


def _of_like_days(seen: Sequence[int], came: Sequence[int], place: int) -> float:
    days = (5, 6) if place // 24 in (5, 6) else range(5)
    alike = [day * 24 + place % 24 for day in days]
    return (sum(came[h] for h in alike) + 0.5) / (sum(seen[h] for h in alike) + 1)


def _normal_gap(past: Sequence[tuple[int, bool]], chances: Sequence[float]) -> float:
    """The gap that 19 of 20 do not exceed, in weighted hours, one at least."""
    gaps: list[float] = []
    gap = 0.0
    for place, is_active in past:
        gap += chances[place]
        if is_active:
            gaps.append(gap)
            gap = 0.0
    gaps.sort()
    return max(_FLOOR_HOURS, gaps[math.ceil(0.95 * len(gaps)) - 1])

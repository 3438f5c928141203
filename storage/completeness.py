"""Whether a study is all there: "N of M" from evidence, and never a false 100 %.

    RECEIVING          images are coming now
    UNKNOWN            none come now, and nobody said how many there are
    MAY_BE_INCOMPLETE  a sender's association broke off, and nothing made up for it
    INCOMPLETE         somebody said how many, and some are missing
    COMPLETE           none come now, and as many are here as somebody said, after they came

Of several counts the largest is believed. One that is smaller than what is here has been overtaken and proves
nothing; so has a sender's answer that is older than the last image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from storage.expectations import Expectation, Source, expectations_of, still_awaited
from storage.tables import instance, series, study_sender


class Completeness(StrEnum):
    """What can be said of a study's completeness."""

    RECEIVING = "RECEIVING"
    UNKNOWN = "UNKNOWN"
    MAY_BE_INCOMPLETE = "MAY_BE_INCOMPLETE"
    INCOMPLETE = "INCOMPLETE"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True)
class Evidence:
    """One reason for the judgement. `source` is a `Source`, ``ASSOCIATION_ENDED`` or ``ASSOCIATION_BROKEN``.

    `instances` is what a source of counts said; `missing` how many of them are not here.
    """

    source: str
    who: str
    at: datetime
    instances: int | None = None
    missing: int = 0


@dataclass(frozen=True)
class Count:
    """N `received` of M `expected` (None: not known), what that means, and why."""

    received: int
    expected: int | None
    missing: int
    state: Completeness
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Held:
    """A study as far as its count goes; `quiet` means that no images came for a while and none are on their way."""

    site: str
    study_instance_uid: str
    received: int
    last_received_at: datetime
    quiet: bool
    series: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What a study is known by."""
        return self.site, self.study_instance_uid


def completeness(connection: Connection, study_row: Any, *, quiet: bool) -> Count:
    """The count of one row of `study`."""
    held = Held(
        study_row.site,
        study_row.study_instance_uid,
        study_row.received_instances,
        study_row.last_received_at,
        quiet,
    )
    return counts_of(connection, {study_row.id: held})[study_row.id]


def counts_of(connection: Connection, studies: Mapping[int, Held]) -> dict[int, Count]:
    """The counts of many, by row number of the study, in four statements at most."""
    keys = {held.key for held in studies.values()}
    said: dict[tuple[str, str], list[Expectation]] = {}
    for one in expectations_of(connection, keys):
        said.setdefault((one.site, one.study_instance_uid), []).append(one)
    awaited = still_awaited(connection, said)
    partings = _partings(connection, keys)
    by_series = _received_by_series(connection, [row for row, held in studies.items() if held.key in said])
    return {
        row: judge(
            Held(**{**held.__dict__, "series": by_series.get(row, {})}),
            said.get(held.key, []),
            awaited[held.key],
            partings.get(held.key, []),
        )
        for row, held in studies.items()
    }


def judge(
    held: Held, said: Iterable[Expectation], awaited: int = 0, partings: Iterable[Evidence] = ()
) -> Count:
    """Weigh what is known. `awaited` instances were asked to be committed and are not here."""
    counts = [_weighed(held, one, awaited) for one in said]
    evidence = (*counts, *partings)
    missing = max((one.missing for one in counts), default=0)
    if missing:
        state = Completeness.INCOMPLETE if held.quiet else Completeness.RECEIVING
        return Count(held.received, held.received + missing, missing, state, evidence)
    expected = held.received if any(_proves(held, one) for one in counts) else None
    return Count(held.received, expected, 0, _without_missing(held, expected, evidence), evidence)


def _without_missing(held: Held, expected: int | None, evidence: Iterable[Evidence]) -> Completeness:
    if not held.quiet:
        return Completeness.RECEIVING
    if expected is not None:
        return Completeness.COMPLETE
    broken = any(one.source == "ASSOCIATION_BROKEN" for one in evidence)
    return Completeness.MAY_BE_INCOMPLETE if broken else Completeness.UNKNOWN


def _weighed(held: Held, said: Expectation, awaited: int) -> Evidence:
    missing = max(0, said.instances - held.received)
    if said.source is Source.COMMITMENT:
        missing = awaited  # its list is by name: other images in their place do not make up for them
    else:
        short = (max(0, count - held.series.get(uid, 0)) for uid, count in said.series.items())
        missing = max(missing, sum(short))
    return Evidence(said.source.value, said.who, said.at, said.instances, missing)


def _proves(held: Held, one: Evidence) -> bool:
    """Whether a count that misses nothing shows that there is nothing more."""
    if one.instances != held.received:
        return False
    return one.source != Source.SENDER.value or one.at >= held.last_received_at


def _partings(
    connection: Connection, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[Evidence]]:
    wanted = set(keys)
    uids = sorted({uid for _, uid in wanted})
    found: dict[tuple[str, str], list[Evidence]] = {}
    query = select(study_sender).where(study_sender.c.study_instance_uid.in_(uids))
    for row in connection.execute(query.order_by(study_sender.c.ended_at)):
        if (key := (row.site, row.study_instance_uid)) in wanted:
            source = "ASSOCIATION_ENDED" if row.broken_at is None else "ASSOCIATION_BROKEN"
            parting = Evidence(source, row.ae_title, row.broken_at or row.ended_at)
            found.setdefault(key, []).append(parting)
    return found


def _received_by_series(connection: Connection, studies: list[int]) -> dict[int, dict[str, int]]:
    columns = (series.c.study, series.c.series_instance_uid, series.c.number_of_series_related_instances)
    found: dict[int, dict[str, int]] = {}
    for row in connection.execute(select(*columns).where(series.c.study.in_(studies))):
        found.setdefault(row[0], {})[row[1]] = row[2]
    return found


@dataclass(frozen=True)
class Gap:
    """A series whose (0020,0013) InstanceNumber leaves numbers out: a hint, never a count.

    Many devices number by other rules than one by one.
    """

    series_instance_uid: str
    series_number: int | None
    first: int
    last: int
    absent: int


def gaps(connection: Connection, study_row: int) -> list[Gap]:
    """Series of a study whose instance numbers have holes, by series number."""
    number = instance.c.instance_number
    distinct = func.count(func.distinct(number))
    query = (
        select(
            series.c.series_instance_uid,
            series.c.series_number,
            func.min(number).label("first"),
            func.max(number).label("last"),
            distinct.label("there"),
        )
        .join(instance, instance.c.series == series.c.id)
        .where(series.c.study == study_row, number.is_not(None), instance.c.origin == "received")
        .group_by(series.c.id, series.c.series_instance_uid, series.c.series_number)
        .having(func.max(number) - func.min(number) + 1 > distinct)
        .order_by(series.c.series_number, series.c.id)
    )
    return [
        Gap(row[0], row[1], row.first, row.last, row.last - row.first + 1 - row.there)
        for row in connection.execute(query)
    ]

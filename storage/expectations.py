"""What a study should consist of, as others say, and how its senders took their leave.

DICOM has no sign for the end of a study. So every hint is kept with its source, and `storage.completeness` judges
over all of them. Each function works in the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, select, update

from storage.changes import announce_count
from storage.database import Database
from storage.errors import Invalid
from storage.locks import Lock, serialize
from storage.tables import awaited_instance, expectation, instance, series, study, study_sender

_MOST = 1_000_000
_CHUNK = 500


class Source(StrEnum):
    """Who says how many instances a study has."""

    DECLARED = "DECLARED"
    """a person, an HTTP caller or a gateway of the sending hospital"""
    SENDER = "SENDER"
    """the sending node, asked by C-FIND: (0020,1208) NumberOfStudyRelatedInstances (PS3.4 C.3.4)"""
    COMMITMENT = "COMMITMENT"
    """the lists with which the sender asked for storage commitment (PS3.4 J.3)"""


@dataclass(frozen=True)
class Expectation:
    """So many `instances` by one source; `series` holds counts by SeriesInstanceUID where they are known."""

    site: str
    study_instance_uid: str
    source: Source
    who: str
    instances: int
    series: Mapping[str, int]
    at: datetime


def record_expected(
    database: Database,
    connection: Connection,
    *,
    site: str,
    study_instance_uid: str,
    source: Source,
    instances: int,
    at: datetime,
    series: Mapping[str, int] | None = None,
    who: str = "",
) -> None:
    """Keep a count, in place of what the same source (`who` of it) said before; the study need not be here yet.

    A sender that has our reports counts them too: ask it by series, so that they can be told apart. Raises `Invalid`
    for counts that no study has.
    """
    counts = dict(series or {})
    if source is Source.SENDER:
        instances -= sum(counts.pop(uid, 0) for uid in _our_own_series(connection, site, study_instance_uid))
    if not 0 < instances <= _MOST or any(not 0 <= count <= _MOST for count in counts.values()):
        raise Invalid(f"a study has 1 to {_MOST} instances", field="instances")
    serialize(connection, Lock.CHANGES)
    key = {"site": site, "study_instance_uid": study_instance_uid, "source": source.value, "who": who[:64]}
    values = {"instances": instances, "series": counts, "at": at}
    if not database.insert_ignoring(connection, expectation, **key, **values):
        connection.execute(update(expectation).filter_by(**key).values(**values))
    _announce(connection, site, study_instance_uid)


def _our_own_series(connection: Connection, site: str, study_instance_uid: str) -> list[str]:
    """Series that hold our reports; images never come in them."""
    query = (
        select(series.c.series_instance_uid)
        .join(study, study.c.id == series.c.study)
        .join(instance, instance.c.series == series.c.id)
        .where(study.c.site == site, study.c.study_instance_uid == study_instance_uid)
        .where(instance.c.origin == "report")
    )
    return list(connection.execute(query.distinct()).scalars())


def forget_expected(connection: Connection, *, site: str, study_instance_uid: str, source: Source) -> bool:
    """Take back what a source said; tells whether it had said anything."""
    serialize(connection, Lock.CHANGES)
    key = {"site": site, "study_instance_uid": study_instance_uid, "source": source.value}
    was_there = connection.execute(delete(expectation).filter_by(**key)).rowcount > 0
    _announce(connection, site, study_instance_uid)
    return was_there


def _announce(connection: Connection, site: str, study_instance_uid: str) -> None:
    announce_count(connection, and_(study.c.site == site, study.c.study_instance_uid == study_instance_uid))


def association_ended(
    database: Database,
    connection: Connection,
    *,
    site: str,
    node: str,
    studies: Mapping[str, int],
    orderly: bool,
    at: datetime,
    began_at: datetime | None = None,
) -> None:
    """Remember how the node `node` (its AE title) left off sending `studies` (instances by StudyInstanceUID).

    A broken association is forgiven by an orderly one of the same node that carried the study and began after the
    break: of several side by side, one may be lost while the others end well.
    """
    if not orderly:
        serialize(connection, Lock.CHANGES)
    for study_instance_uid in sorted(studies):
        key = {"site": site, "study_instance_uid": study_instance_uid, "ae_title": node[:64]}
        broken_at = None if orderly else at
        if database.insert_ignoring(connection, study_sender, **key, ended_at=at, broken_at=broken_at):
            continue
        values: dict[str, Any] = {"ended_at": at, "broken_at": _mended(began_at or at) if orderly else at}
        connection.execute(update(study_sender).filter_by(**key).values(**values))
    if not orderly:
        for study_instance_uid in sorted(studies):
            _announce(connection, site, study_instance_uid)


def _mended(began_at: datetime) -> Any:
    return case((study_sender.c.broken_at <= began_at, None), else_=study_sender.c.broken_at)


def commitment_asked(
    database: Database,
    connection: Connection,
    *,
    site: str,
    sop_instance_uids: Sequence[str],
    at: datetime,
    who: str = "",
) -> None:
    """Learn from the list of a storage commitment request (PS3.4 J.3.2) what each study should hold.

    Such a list names no study. What is here tells its own; what is not here belongs to the study of the rest if the
    rest is of one study, else it is left out of account.
    """
    serialize(connection, Lock.CHANGES)
    wanted = list(dict.fromkeys(sop_instance_uids))
    held = _held(connection, site, wanted)
    counts: dict[str, Counter[str]] = {}
    for study_instance_uid, series_instance_uid in held.values():
        counts.setdefault(study_instance_uid, Counter())[series_instance_uid] += 1
    if len(counts) == 1:
        (only,) = counts
        _await(database, connection, site, only, [uid for uid in wanted if uid not in held])
    for study_instance_uid, of_series in counts.items():
        _no_longer_awaited(connection, site, study_instance_uid, held)
        _note_list(database, connection, site, study_instance_uid, of_series, at, who)


def _held(connection: Connection, site: str, wanted: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Study and series of the instances that are here, by SOPInstanceUID."""
    found: dict[str, tuple[str, str]] = {}
    joined = instance.join(series, series.c.id == instance.c.series).join(study, study.c.id == series.c.study)
    columns = (instance.c.sop_instance_uid, study.c.study_instance_uid, series.c.series_instance_uid)
    for start in range(0, len(wanted), _CHUNK):
        here = instance.c.sop_instance_uid.in_(wanted[start : start + _CHUNK])
        query = select(*columns).select_from(joined).where(instance.c.site == site, here)
        found |= {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    return found


def _await(
    database: Database, connection: Connection, site: str, study_instance_uid: str, missing: Iterable[str]
) -> None:
    key = {"site": site, "study_instance_uid": study_instance_uid}
    for sop_instance_uid in missing:
        database.insert_ignoring(connection, awaited_instance, **key, sop_instance_uid=sop_instance_uid)


def _no_longer_awaited(
    connection: Connection, site: str, study_instance_uid: str, held: Mapping[str, tuple[str, str]]
) -> None:
    """What this list names and is here counts by its series from now on."""
    here = [uid for uid, place in held.items() if place[0] == study_instance_uid]
    of_study = delete(awaited_instance).filter_by(site=site, study_instance_uid=study_instance_uid)
    for start in range(0, len(here), _CHUNK):
        chunk = awaited_instance.c.sop_instance_uid.in_(here[start : start + _CHUNK])
        connection.execute(of_study.where(chunk))


def _note_list(
    database: Database,
    connection: Connection,
    site: str,
    study_instance_uid: str,
    of_series: Mapping[str, int],
    at: datetime,
    who: str,
) -> None:
    """Lists are often asked series by series, and again when an answer was lost: the largest of each series counts."""
    key = {"site": site, "study_instance_uid": study_instance_uid}
    said = select(expectation.c.series).filter_by(**key, source=Source.COMMITMENT.value, who=who[:64])
    counts = dict(connection.execute(said).scalar() or {})
    for series_instance_uid, count in of_series.items():
        counts[series_instance_uid] = max(count, counts.get(series_instance_uid, 0))
    awaited = select(func.count()).select_from(awaited_instance).filter_by(**key)
    record_expected(
        database,
        connection,
        **key,
        source=Source.COMMITMENT,
        instances=sum(counts.values()) + connection.execute(awaited).scalar_one(),
        series=counts,
        who=who,
        at=at,
    )


def expectations_of(connection: Connection, studies: Iterable[tuple[str, str]]) -> list[Expectation]:
    """All that is known of studies, each (site, StudyInstanceUID)."""
    wanted = set(studies)
    query = select(expectation).where(
        expectation.c.study_instance_uid.in_(sorted({uid for _, uid in wanted}))
    )
    rows = connection.execute(query.order_by(expectation.c.id)).mappings()
    values = ({name: row[name] for name in Expectation.__dataclass_fields__} for row in rows)
    found = (Expectation(**{**one, "source": Source(one["source"])}) for one in values)
    return [one for one in found if (one.site, one.study_instance_uid) in wanted]


def still_awaited(connection: Connection, studies: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How many instances that a commitment was asked for are not here."""
    wanted = set(studies)
    arrived = and_(
        instance.c.site == awaited_instance.c.site,
        instance.c.sop_instance_uid == awaited_instance.c.sop_instance_uid,
    )
    key = (awaited_instance.c.site, awaited_instance.c.study_instance_uid)
    query = (
        select(*key, func.count())
        .outerjoin(instance, arrived)
        .where(
            awaited_instance.c.study_instance_uid.in_(sorted({uid for _, uid in wanted})),
            instance.c.id.is_(None),
        )
        .group_by(*key)
    )
    rows = ((row[0], row[1], row[2]) for row in connection.execute(query))
    return Counter({(site, uid): count for site, uid, count in rows if (site, uid) in wanted})

"""The links to the hospitals: what came over each, when, and what went wrong; written once an association.

Figures are kept by the hour for eight weeks. From them each link learns what is usual for it (`storage.silence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from storage import silence
from storage.database import Database
from storage.expectations import association_ended
from storage.sites import get_site
from storage.tables import link, link_hour, link_trouble, open_association

OPEN_FRESH = timedelta(seconds=30)
"""What a process says of its open associations holds so long; a process that was killed takes nothing back."""
BROKEN = {"aborted": "ABORTED", "lost": "LOST", "idle": "IDLE"}
"""Ends of an association that break it off, and how the board calls them."""
_ASIDE = ("OTHER_CONTENT", "OTHER_PATIENT", "OTHER_SERIES")
_COUNTS = ("associations", "stored", "duplicate", "held_aside", "failed", "bytes")


@dataclass(frozen=True)
class AssociationSummary:
    """One association of a registered node, at its end.

    `host` is the node's registered one (``*`` for any), `address` where it called from. `ended` is ``released``,
    ``aborted`` (by the peer), ``lost`` (connection), ``idle`` (reaped), ``stopped`` (by us), ``rejected``, or ``open``:
    a part of an association that lasts, what came since its part before. `reasons` counts what went wrong: a
    held-aside kind (``OTHER_PATIENT``), a status in four hexadecimal digits (``A700``), ``CALLED_UNKNOWN``,
    ``OVER_LIMIT``, ``NO_CONTEXT``. `studies` counts the instances taken by StudyInstanceUID, duplicates too.
    """

    site: str
    ae_title: str
    address: str
    began_at: datetime
    ended_at: datetime
    ended: str
    host: str = "*"
    stored: int = 0
    duplicate: int = 0
    held_aside: int = 0
    failed: int = 0
    bytes: int = 0
    tls: bool = False
    reasons: Mapping[str, int] = field(default_factory=dict)
    studies: Mapping[str, int] = field(default_factory=dict)

    @property
    def brought_images(self) -> bool:
        """Whether the sender got any instance through."""
        return self.stored + self.duplicate + self.held_aside > 0

    @property
    def troubles(self) -> dict[str, int]:
        """`reasons`, what was held aside for no reason given, and the break if it was one."""
        troubles = dict(self.reasons)
        if unexplained := self.held_aside - sum(troubles.get(kind, 0) for kind in _ASIDE):
            troubles["HELD_ASIDE"] = unexplained
        if broken := BROKEN.get(self.ended):
            troubles[broken] = 1
        return troubles


@dataclass(frozen=True)
class OpenAssociation:
    """An association that is open now. `sending`: bytes of an instance came in the last seconds; `study_instance_uid`
    is that of the instance before, empty if there was none."""

    site: str
    ae_title: str
    began_at: datetime
    host: str = "*"
    study_instance_uid: str = ""
    sending: bool = False


def record_association(database: Database, connection: Connection, summary: AssociationSummary) -> None:
    """Add one association to its link and to what is known of its studies, in the caller's transaction."""
    row = _link_row(database, connection, summary)
    hour = silence.hour_of(summary.ended_at)
    values = {name: getattr(summary, name) for name in _COUNTS[1:]}
    values["associations"] = int(summary.ended != "open")
    is_new_hour = _add(database, connection, link_hour, {"link": row.id, "hour": hour}, values)
    for reason, count in summary.troubles.items():
        key = {"link": row.id, "hour": hour, "reason": reason[:64]}
        _add(database, connection, link_trouble, key, {"count": count})
    connection.execute(update(link).where(link.c.id == row.id).values(**_news(row, summary)))
    if is_new_hour:
        _learn(connection, row.id, summary)
    _part(database, connection, summary)


def _link_row(database: Database, connection: Connection, summary: AssociationSummary) -> Any:
    key = {"site": summary.site, "ae_title": summary.ae_title[:64], "host": summary.host}
    database.insert_ignoring(
        connection,
        link,
        **key,
        address=summary.address[:64],
        tls=summary.tls,
        first_seen_at=summary.began_at,
        last_seen_at=summary.ended_at,
        last_trouble="",
        usual={},
    )
    return connection.execute(select(link).filter_by(**key).with_for_update()).one()


def _news(row: Any, summary: AssociationSummary) -> dict[str, Any]:
    """What the association changes of its link. Words of a break are taken back by the next good association, other
    troubles are for people to look at."""
    values: dict[str, Any] = {
        "address": summary.address[:64],
        "tls": summary.tls,
        "last_seen_at": max(row.last_seen_at, summary.ended_at),
    }
    if summary.brought_images:
        values["last_image_at"] = max(row.last_image_at or summary.ended_at, summary.ended_at)
    if summary.troubles:
        worst = max(summary.troubles, key=lambda reason: (reason not in BROKEN.values(), reason))
        values |= {"last_trouble": worst[:64], "last_trouble_at": summary.ended_at}
    elif row.last_trouble in BROKEN.values() and summary.ended == "released":
        values |= {"last_trouble": "", "last_trouble_at": None}
    return values


def _add(
    database: Database,
    connection: Connection,
    table: Table,
    key: Mapping[str, Any],
    counts: Mapping[str, int],
) -> bool:
    """Count up; tells whether the row is new."""
    if database.insert_ignoring(connection, table, **key, **counts):
        return True
    more = {name: table.c[name] + count for name, count in counts.items() if count}
    if more:
        connection.execute(update(table).filter_by(**key).values(**more))
    return False


def _learn(connection: Connection, link_id: int, summary: AssociationSummary) -> None:
    """Once an hour and link: what is usual for it is learned anew, and what is older than that needs is forgotten."""
    oldest = summary.ended_at - timedelta(weeks=silence.WEEKS, hours=1)
    for table in (link_hour, link_trouble):
        connection.execute(delete(table).where(table.c.link == link_id, table.c.hour < oldest))
    rows = connection.execute(select(link_hour).where(link_hour.c.link == link_id)).all()
    active = [row.hour for row in rows if row.stored or row.duplicate or row.held_aside]
    site = get_site(connection, summary.site)
    since = connection.execute(select(link.c.first_seen_at).where(link.c.id == link_id)).scalar_one()
    usual = silence.learn(active, since, summary.ended_at, site.timezone if site else "UTC")
    if usual is not None:
        connection.execute(update(link).where(link.c.id == link_id).values(usual=usual.to_json()))


def _part(database: Database, connection: Connection, summary: AssociationSummary) -> None:
    if not summary.studies or summary.ended == "open":
        return
    association_ended(
        database,
        connection,
        site=summary.site,
        node=summary.ae_title,
        studies=summary.studies,
        orderly=summary.ended == "released" and not summary.failed,
        at=summary.ended_at,
        began_at=summary.began_at,
    )


def report_open(
    connection: Connection, *, process: str, associations: Sequence[OpenAssociation], at: datetime
) -> None:
    """Replace what `process` said of its open associations; call it every few seconds, and with none at the end."""
    gone = (open_association.c.process == process) | (open_association.c.seen_at < at - 2 * OPEN_FRESH)
    connection.execute(delete(open_association).where(gone))
    rows = [{**one.__dict__, "process": process, "seen_at": at} for one in associations]
    if rows:
        connection.execute(insert(open_association), rows)


def is_sending(connection: Connection, site: str, study_instance_uid: str, now: datetime) -> bool:
    """Whether an instance is on its way over an association that last brought one of this study."""
    query = select(open_association.c.id).where(
        open_association.c.study_instance_uid == study_instance_uid,
        open_association.c.site == site,
        open_association.c.sending,
        open_association.c.seen_at >= now - OPEN_FRESH,
    )
    return connection.execute(query.limit(1)).first() is not None

"""Reports of storage commitment that did not get through, node by node, and how long requests are remembered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, delete, func, or_, select

from storage.commitments import CommitmentState
from storage.database import Database
from storage.tables import commitment

REMEMBERED = timedelta(days=30)
"""A request that is over, reported or given up, is forgotten after this."""


@dataclass(frozen=True)
class Unreported:
    """Requests of one node whose report was tried in vain: `waiting` are tried again, `given_up` are not.

    `since` is when the oldest was asked, `last_error` what came of the latest attempt.
    """

    site: str
    ae_title: str
    waiting: int
    given_up: int
    since: datetime
    last_error: str


_WAITING = commitment.c.state == CommitmentState.WAITING.value
_GIVEN_UP = commitment.c.state == CommitmentState.UNDELIVERABLE.value
_IN_VAIN = or_(_GIVEN_UP, and_(_WAITING, commitment.c.attempts > 0))


def unreported(connection: Connection, sites: Iterable[str] | None = None) -> list[Unreported]:
    """The nodes of these hospitals (of all for None) that do not take their reports, the longest waiting first."""
    of_sites = [] if sites is None else [commitment.c.site.in_(sorted(sites))]
    key = (commitment.c.site, commitment.c.ae_title)
    since = func.min(commitment.c.requested_at).label("since")
    given_up = func.sum(case((_GIVEN_UP, 1), else_=0)).label("given_up")
    query = select(
        *key, func.count().label("number"), given_up, since, func.max(commitment.c.id).label("latest")
    )
    rows = connection.execute(query.where(_IN_VAIN, *of_sites).group_by(*key).order_by(since, *key)).all()
    latest = select(commitment.c.id, commitment.c.last_error).where(
        commitment.c.id.in_([row.latest for row in rows])
    )
    errors = {row.id: row.last_error for row in connection.execute(latest)}
    return [
        Unreported(
            row.site, row.ae_title, row.number - row.given_up, row.given_up, row.since, errors[row.latest]
        )
        for row in rows
    ]


def forget_old(database: Database, now: datetime) -> int:
    """Delete requests that have been over for long; returns how many. What still waits stays."""
    until = now - REMEMBERED
    reported = and_(commitment.c.state == CommitmentState.REPORTED.value, commitment.c.reported_at < until)
    given_up = and_(_GIVEN_UP, commitment.c.requested_at < until)
    with database.write() as connection:
        return connection.execute(delete(commitment).where(or_(reported, given_up))).rowcount

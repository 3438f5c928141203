"""Which senders are to be asked how many instances a study has; a queue of what waits to be asked.

A question is planned when a node that may be asked has sent images of a study, and is due when the study is quiet. Who
takes it has it for some minutes, then another process may take it; it is gone once it is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, select, update

from storage.database import Database
from storage.links import is_sending
from storage.sites import can_be_asked
from storage.tables import question, study

ASKED_WITHIN = timedelta(hours=24)
"""Nobody is asked about a study whose last image is older."""
_TAKEN_FOR = timedelta(minutes=10)
_SENDING_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Question:
    """How many instances has this study at the node `ae_title` of the site? Planned `since`, due at `ask_at`."""

    id: int
    site: str
    study_instance_uid: str
    ae_title: str
    since: datetime
    ask_at: datetime


def plan(
    database: Database,
    connection: Connection,
    *,
    site: str,
    ae_title: str,
    studies: Iterable[str],
    at: datetime,
) -> None:
    """Ask the node about the studies that it sent, if it may be asked; what waits already waits anew."""
    if not can_be_asked(connection, site, ae_title):
        return
    for study_instance_uid in sorted(studies):
        key = {"site": site, "study_instance_uid": study_instance_uid, "ae_title": ae_title}
        if not database.insert_ignoring(connection, question, **key, since=at, ask_at=at):
            connection.execute(update(question).filter_by(**key).values(since=at, ask_at=at))


def take_due(database: Database, quiet_seconds: float, limit: int = 64) -> list[Question]:
    """Questions about studies that are quiet, each kept from other processes for some minutes.

    What is not quiet yet is put off, what is too old is forgotten.
    """
    now = datetime.now(UTC)
    with database.read() as connection:
        if connection.execute(select(question.c.id).where(question.c.ask_at <= now).limit(1)).first() is None:
            return []
    same = and_(study.c.site == question.c.site, study.c.study_instance_uid == question.c.study_instance_uid)
    query = select(question, study.c.last_received_at).outerjoin(study, same).where(question.c.ask_at <= now)
    with database.write() as connection:
        query = query.order_by(question.c.ask_at, question.c.id).limit(limit)
        rows = connection.execute(query.with_for_update(of=question, skip_locked=True)).all()
        taken = (_take(connection, row, now, timedelta(seconds=quiet_seconds)) for row in rows)
        return [one for one in taken if one is not None]


def _take(connection: Connection, row: Any, now: datetime, quiet: timedelta) -> Question | None:
    mine = Question(**{name: row._mapping[name] for name in Question.__dataclass_fields__})
    last = row.last_received_at
    if last is None or last < now - ASKED_WITHIN:
        forget(connection, mine)
        return None
    if last > now - quiet:
        _move(connection, mine, last + quiet)
        return None
    if is_sending(connection, mine.site, mine.study_instance_uid, now):
        _move(connection, mine, now + _SENDING_AGAIN)
        return None
    until = now + _TAKEN_FOR
    return Question(**{**mine.__dict__, "ask_at": until}) if _move(connection, mine, until) else None


def awaits_answer(connection: Connection, site: str, study_instance_uid: str) -> bool:
    """Whether a node is to be asked about the study and has not answered."""
    query = select(question.c.id).where(
        question.c.site == site, question.c.study_instance_uid == study_instance_uid
    )
    return connection.execute(query.limit(1)).first() is not None


def postpone(database: Database, questions: Iterable[Question], until: datetime) -> None:
    """Put off what was taken, unless it was planned anew meanwhile."""
    with database.write() as connection:
        for one in sorted(questions, key=lambda one: one.study_instance_uid):
            _move(connection, one, until)


def forget(connection: Connection, asked: Question) -> None:
    """It is answered, or never will be; if it was planned anew meanwhile it stays."""
    connection.execute(delete(question).where(*_unchanged(asked)))


def _move(connection: Connection, asked: Question, until: datetime) -> bool:
    moved = update(question).where(*_unchanged(asked)).values(ask_at=until)
    return connection.execute(moved).rowcount == 1


def _unchanged(asked: Question) -> tuple[Any, Any]:
    return question.c.id == asked.id, question.c.ask_at == asked.ask_at

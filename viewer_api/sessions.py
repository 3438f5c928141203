"""Signing in: sessions of browsers and tokens of programs. We keep a token's hash, never the token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from storage import audit
from storage.database import Database
from storage.errors import Denied, NotFound
from worklist.people import Person, check_password, find_id, get_person, token_hash
from worklist.tables import session, user

COOKIE = "farlight_session"
LASTS = timedelta(hours=12)
"""A night's duty and some; after that one signs in again."""


@dataclass(frozen=True)
class SignedIn:
    """A fresh session: the only moment when its token is known."""

    token: str
    expires_at: datetime
    person: Person


def sign_in(database: Database, username: str, password: str, address: str) -> SignedIn:
    """Raises `Denied`: ``UNAUTHENTICATED``, or ``LOCKED`` with `retry_after_s` after too many tries."""
    try:
        user_id = check_password(database, username, password, f"sign-in from {address}")
    except Denied:
        _note(database, "sign-in", username, address, "LOCKED")
        raise
    if user_id is None:
        _note(database, "sign-in", username, address, "FAILURE")
        raise Denied("username or password is wrong", code="UNAUTHENTICATED")
    with database.write() as connection:
        person = get_person(connection, user_id, address)
        expires_at = datetime.now(UTC) + LASTS
        connection.execute(delete(session).where(session.c.expires_at < datetime.now(UTC) - LASTS))
        token = _new_session(connection, user_id, "browser", "", expires_at)
        audit.append(connection, audit.Act("sign-in", "user", username, actor=username, address=address))
    return SignedIn(token, expires_at, person)


def _note(database: Database, action: str, username: str, address: str, outcome: str) -> None:
    """What failed is written down in a transaction of its own: nothing else happened."""
    name = username[:64]
    with database.write() as connection:
        audit.append(
            connection, audit.Act(action, "user", name, actor=name, address=address, outcome=outcome)
        )


def sign_out(database: Database, token: str) -> None:
    """End a session; an unknown one is well."""
    mine = (session.c.token_hash == token_hash(token), session.c.revoked_at.is_(None))
    with database.write() as connection:
        user_id = connection.execute(select(session.c.user).where(*mine)).scalar()
        if user_id is None:
            return
        connection.execute(update(session).where(*mine).values(revoked_at=datetime.now(UTC)))
        username = connection.execute(select(user.c.username).where(user.c.id == user_id)).scalar_one()
        audit.append(connection, audit.Act("sign-out", "user", username, actor=username))


@dataclass(frozen=True)
class Holder:
    """Who holds a token, and until when it is valid; None for one that lasts until it is revoked."""

    person: Person
    expires_at: datetime | None

    def is_over(self) -> bool:
        """Whether its time has passed."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


def holder_of(connection: Connection, token: str, address: str) -> Holder | None:
    """Who holds this token, None if it is not or no longer valid."""
    query = select(session.c.user, session.c.expires_at).where(
        session.c.token_hash == token_hash(token),
        session.c.revoked_at.is_(None),
        or_(session.c.expires_at.is_(None), session.c.expires_at > datetime.now(UTC)),
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    try:
        return Holder(get_person(connection, row.user, address), row.expires_at)
    except NotFound:
        return None


def person_of(connection: Connection, token: str, address: str) -> Person | None:
    """The person alone."""
    holder = holder_of(connection, token, address)
    return None if holder is None else holder.person


@dataclass(frozen=True)
class ApiToken:
    """A program's token, as listed."""

    id: int
    name: str
    username: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def create_token(connection: Connection, username: str, name: str, days: int | None) -> str:
    """A token for a program that acts as `username`; shown once. Without `days` it lasts until revoked."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    return _new_session(connection, find_id(connection, username), "api", name, expires_at)


def list_tokens(connection: Connection) -> list[ApiToken]:
    """All programs' tokens."""
    columns = [session.c[n] for n in ("id", "name", "created_at", "expires_at", "revoked_at")]
    query = select(*columns, user.c.username).join(user, user.c.id == session.c.user)
    rows = connection.execute(query.where(session.c.kind == "api").order_by(session.c.id))
    return [ApiToken(**row._mapping) for row in rows]


def revoke_token(connection: Connection, token_id: int) -> None:
    """End a program's token. Raises `NotFound`."""
    where = (session.c.id == token_id, session.c.kind == "api")
    ended = update(session).where(*where).values(revoked_at=datetime.now(UTC))
    if connection.execute(ended).rowcount == 0:
        raise NotFound(f"there is no token {token_id}")


def _new_session(
    connection: Connection, user_id: int, kind: str, name: str, expires_at: datetime | None
) -> str:
    token = secrets.token_urlsafe(32)
    values = {
        "token_hash": token_hash(token),
        "user": user_id,
        "kind": kind,
        "name": name,
        "created_at": datetime.now(UTC),
        "expires_at": expires_at,
    }
    connection.execute(insert(session).values(**values))
    return token

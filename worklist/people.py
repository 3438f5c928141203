"""People: accounts, what they may be at which hospital, and their passwords."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from storage import audit
from storage.database import Database, insert_ignoring, insert_new
from storage.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from storage.tables import site
from worklist.roles import SEES_NO_PATIENTS, Role
from worklist.tables import invitation, membership, session, user, wrong_password

MIN_PASSWORD = 8
TRIES = 5
LOCKED_FOR = timedelta(minutes=5)
TRIES_FORGOTTEN_AFTER = timedelta(hours=1)
INVITATION_LASTS = timedelta(days=7)

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True)
class Membership:
    """One role at one hospital."""

    site: str
    role: Role


@dataclass(frozen=True)
class Person:
    """Somebody who acts: account, memberships, and from where they act."""

    id: int
    username: str
    name: str
    name_zh: str
    licence_no: str
    may_sign_final: bool
    memberships: tuple[Membership, ...]
    address: str = field(default="", compare=False)

    @property
    def sites(self) -> frozenset[str]:
        """Hospitals whose patients this person may see."""
        return frozenset(m.site for m in self.memberships if m.role not in SEES_NO_PATIENTS)

    def roles_at(self, code: str) -> frozenset[Role]:
        """What this person is at one hospital."""
        return frozenset(m.role for m in self.memberships if m.site == code)

    def sites_as(self, roles: frozenset[Role]) -> frozenset[str]:
        """Hospitals where this person holds one of `roles`."""
        return frozenset(m.site for m in self.memberships if m.role in roles)


def add_person(
    connection: Connection,
    username: str,
    name: str,
    name_zh: str,
    *,
    licence_no: str = "",
    may_sign_final: bool = False,
) -> int:
    """Create an account without a password and return its row number. Raises `Conflict` if the name is taken."""
    if not username or not username.isprintable() or len(username) > 64 or username != username.strip():
        raise Invalid("a username has 1 to 64 printable characters and no blanks around it")
    values = {
        "username": username,
        "name": name,
        "name_zh": name_zh,
        "licence_no": licence_no,
        "may_sign_final": may_sign_final,
        "password_hash": "",
        "active": True,
    }
    user_id = insert_new(connection, user, **values)
    if user_id is None:
        raise Conflict(f"there is already a user {username}")
    return user_id


def set_memberships(connection: Connection, user_id: int, wanted: set[Membership]) -> bool:
    """Make `wanted` the person's memberships; tells whether anything changed."""
    known = set(_memberships(connection, user_id))
    for gone in known - wanted:
        where = (membership.c.user == user_id, membership.c.site == gone.site, membership.c.role == gone.role)
        connection.execute(delete(membership).where(*where))
    for new in wanted - known:
        if not connection.execute(select(site.c.code).where(site.c.code == new.site)).first():
            raise NotFound(f"there is no site {new.site}")
        insert_ignoring(connection, membership, user=user_id, site=new.site, role=new.role.value)
    return known != wanted


def set_password(connection: Connection, user_id: int, password: str) -> None:
    """Hash and keep a password; every session of the person ends."""
    keep_password_hash(connection, user_id, hash_password(password))


def hash_password(password: str) -> str:
    """Slow on purpose: call it outside any transaction where others wait for the database."""
    if len(password) < MIN_PASSWORD:
        raise Invalid(f"a password has at least {MIN_PASSWORD} characters")
    return _hasher.hash(password)


def keep_password_hash(connection: Connection, user_id: int, password_hash: str) -> None:
    """Keep what `hash_password` made; every session of the person ends."""
    connection.execute(update(user).where(user.c.id == user_id).values(password_hash=password_hash))
    ended = update(session).where(session.c.user == user_id, session.c.kind == "browser")
    connection.execute(ended.values(revoked_at=datetime.now(UTC)))


def disable(connection: Connection, username: str) -> None:
    """Close an account at once, its sessions and tokens included."""
    user_id = find_id(connection, username)
    connection.execute(update(user).where(user.c.id == user_id).values(active=False))
    ended = update(session).where(session.c.user == user_id, session.c.revoked_at.is_(None))
    connection.execute(ended.values(revoked_at=datetime.now(UTC)))


def find_id(connection: Connection, username: str) -> int:
    """The row number of an account. Raises `NotFound`."""
    found = connection.execute(select(user.c.id).where(user.c.username == username)).scalar()
    if found is None:
        raise NotFound(f"there is no user {username}")
    return int(found)


def get_person(connection: Connection, user_id: int, address: str = "") -> Person:
    """An active person. Raises `NotFound` for a disabled account."""
    row = connection.execute(select(user).where(user.c.id == user_id, user.c.active)).one_or_none()
    if row is None:
        raise NotFound("this account does not exist or is disabled")
    return Person(
        id=row.id,
        username=row.username,
        name=row.name,
        name_zh=row.name_zh,
        licence_no=row.licence_no,
        may_sign_final=row.may_sign_final,
        memberships=tuple(_memberships(connection, user_id)),
        address=address,
    )


def check_password(database: Database, username: str, password: str, where: str) -> int | None:
    """The row number of the account if the password is right, None if not.

    Wrong tries are counted by `where` they came from and for whom, so that nobody can lock a doctor out from
    elsewhere; a name that does not exist is treated like one that does, in its answers and in its time. Raises
    `Denied` (``LOCKED``, with `retry_after_s`) after too many tries. Hashing holds no transaction.
    """
    key = token_hash(f"{where}\0{username}")
    with database.read() as connection:
        _require_not_locked(connection, key)
        row = connection.execute(select(user).where(user.c.username == username)).one_or_none()
    known = row is not None and bool(row.password_hash) and row.active
    right = _matches(row.password_hash if row is not None and known else _NOBODY, password)
    if row is not None and known and right:
        with database.write() as connection:
            connection.execute(delete(wrong_password).where(wrong_password.c.key == key))
        return int(row.id)
    with database.write() as connection:
        _count_wrong(database, connection, key)
    return None


def _require_not_locked(connection: Connection, key: str) -> None:
    row = connection.execute(select(wrong_password).where(wrong_password.c.key == key)).one_or_none()
    if row is None or row.tries % TRIES:
        return
    wait = (row.last_at + LOCKED_FOR - datetime.now(UTC)).total_seconds()
    if wait > 0:
        raise Denied("too many wrong passwords: wait a little", code="LOCKED", retry_after_s=int(wait) + 1)


def _count_wrong(database: Database, connection: Connection, key: str) -> None:
    now = datetime.now(UTC)
    connection.execute(delete(wrong_password).where(wrong_password.c.last_at < now - TRIES_FORGOTTEN_AFTER))
    if not database.insert_ignoring(connection, wrong_password, key=key, tries=1, last_at=now):
        again = update(wrong_password).where(wrong_password.c.key == key)
        connection.execute(again.values(tries=wrong_password.c.tries + 1, last_at=now))


def invite(connection: Connection, user_id: int) -> str:
    """A one-time token with which the person sets a first password."""
    token = secrets.token_urlsafe(24)
    expires_at = datetime.now(UTC) + INVITATION_LASTS
    values = {"token_hash": token_hash(token), "user": user_id, "expires_at": expires_at}
    connection.execute(insert(invitation).values(**values))
    return token


def accept_invitation(database: Database, token: str, password: str) -> int:
    """Set the first password; the token is used up. Raises `NotFound` for a token that is not valid."""
    with database.read() as connection:
        _invited(connection, token)
    password_hash = hash_password(password)
    with database.write() as connection:
        user_id = _invited(connection, token)
        if connection.execute(delete(invitation).where(invitation.c.user == user_id)).rowcount == 0:
            raise _not_invited()  # the same token was used elsewhere at the same moment
        keep_password_hash(connection, user_id, password_hash)
        username = connection.execute(select(user.c.username).where(user.c.id == user_id)).scalar_one()
        audit.append(connection, audit.Act("accept-invitation", "user", username, actor=username))
    return user_id


def _invited(connection: Connection, token: str) -> int:
    valid = (invitation.c.token_hash == token_hash(token), invitation.c.expires_at > datetime.now(UTC))
    user_id = connection.execute(select(invitation.c.user).where(*valid)).scalar()
    if user_id is None:
        raise _not_invited()
    return int(user_id)


def _not_invited() -> NotFound:
    return NotFound("this invitation is not valid, or no longer: ask for a new one")


def token_hash(token: str) -> str:
    """What we keep of a token: enough to know it again, not to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _memberships(connection: Connection, user_id: int) -> list[Membership]:
    query = select(membership.c.site, membership.c.role).where(membership.c.user == user_id)
    rows = connection.execute(query.order_by(membership.c.site, membership.c.role))
    return [Membership(row.site, Role(row.role)) for row in rows]


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerificationError:
        return False
    except InvalidHashError as why:
        raise Unavailable("a stored password hash cannot be read: set the password anew") from why

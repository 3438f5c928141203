"""The network file: sites, nodes, agreements and users declared in TOML. Applying it twice changes nothing."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy import Connection, select, update

from storage import audit
from storage.database import Database
from storage.errors import Invalid
from storage.sites import Node, Site, get_site, move_node, put_node, put_site
from worklist.agreements import Agreement, Priority, Service, SignPolicy, put_agreement
from worklist.delivery import readdress
from worklist.people import MIN_PASSWORD, Membership, add_person, invite, set_memberships, set_password
from worklist.roles import Role
from worklist.tables import user


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteEntry(_Part):
    """`[[site]]`."""

    code: str = Field(pattern=r"^[A-Z0-9][A-Z0-9_-]{0,15}$")
    name: str = Field(min_length=1, max_length=200)
    name_zh: str = Field(default="", max_length=200)
    level: Literal["provincial", "prefecture", "county", "township", "third_party"]
    timezone: str = "Asia/Shanghai"

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as why:
            raise ValueError("no such time zone") from why
        return value


class NodeEntry(_Part):
    """`[[node]]`."""

    site: str
    ae_title: str = Field(pattern=r"^[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?$")
    host: str = Field(min_length=1, max_length=255)
    port: int = Field(default=104, ge=1, le=65535)
    receives: list[Literal["report-pdf", "report-sr"]] = []
    charset: str = ""
    issuer: str = Field(default="", max_length=64)
    may: list[Literal["store", "find", "retrieve", "commit"]] = ["store", "find", "retrieve", "commit"]
    certificate: str = Field(default="", pattern=r"^([0-9A-Fa-f]{2}:?){32}$|^$")
    tls: bool = False
    queryable: bool = False

    @field_validator("certificate")
    @classmethod
    def _plain(cls, value: str) -> str:
        return value.replace(":", "").lower()


class AgreementEntry(_Part):
    """`[[agreement]]`."""

    requester: str
    reader: str
    service: Service = Service.READ
    sign_policy: SignPolicy = SignPolicy.DOUBLE
    auto_request: bool = False
    priority: Priority = Priority.ROUTINE
    valid_from: date | None = None
    valid_to: date | None = None


class RoleEntry(_Part):
    """One of `roles`."""

    site: str
    role: Role


class UserEntry(_Part):
    """`[[user]]`."""

    username: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=100)
    name_zh: str = Field(default="", max_length=100)
    licence_no: str = Field(default="", max_length=64)
    may_sign_final: bool | None = None
    password_env: str = ""
    roles: list[RoleEntry] = []

    @property
    def signs(self) -> bool:
        """Unless it says otherwise, who reviews may sign."""
        if self.may_sign_final is not None:
            return self.may_sign_final
        return any(entry.role is Role.REVIEW_DOCTOR for entry in self.roles)


class Network(_Part):
    """The whole file."""

    site: list[SiteEntry] = []
    node: list[NodeEntry] = []
    agreement: list[AgreementEntry] = []
    user: list[UserEntry] = []

    @field_validator("node")
    @classmethod
    def _of_one_hospital(cls, value: list[NodeEntry]) -> list[NodeEntry]:
        """Who calls is known by title and address alone: two nodes of the same would be one, of the latter's site."""
        known: dict[tuple[str, str], str] = {}
        for entry in value:
            before = known.setdefault((entry.ae_title, entry.host), entry.site)
            if before != entry.site:
                raise ValueError(
                    f"{entry.ae_title} at {entry.host} is declared for {before} and again for {entry.site}"
                )
        return value


@dataclass(frozen=True)
class Applied:
    """What an application changed, and the invitations of new users without a password."""

    changes: tuple[str, ...]
    invitations: tuple[tuple[str, str], ...]


def read_network(file: Path) -> Network:
    """Raises `Invalid`, naming the entry and the field."""
    try:
        declared = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise Invalid(f"{file} cannot be read: {why}") from why
    return parse_network(declared, str(file))


def parse_network(declared: dict[str, Any], name: str) -> Network:
    """The same for what was read already; `name` says where from."""
    try:
        return Network.model_validate(declared)
    except ValidationError as why:
        first = why.errors()[0]
        where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise Invalid(f"{name}: {where}: {first['msg']}") from why


def apply_network(database: Database, network: Network, environ: Mapping[str, str] | None = None) -> Applied:
    """Make the declared things so, all in one transaction."""
    environ = os.environ if environ is None else environ
    changes: list[str] = []
    invitations: list[tuple[str, str]] = []
    with database.write() as connection:
        _apply_sites(database, connection, network, changes)
        for entry in network.user:
            _apply_user(connection, entry, environ, changes, invitations)
        if changes:
            act = audit.Act("network-apply", "network", "", actor="command line", detail={"changes": changes})
            audit.append(connection, act)
    return Applied(tuple(changes), tuple(invitations))


def _apply_sites(database: Database, connection: Connection, network: Network, changes: list[str]) -> None:
    sites = [Site(**entry.model_dump()) for entry in network.site]
    changes.extend(f"site {site.code}" for site in sites if put_site(database, connection, site))
    for entry in network.node:
        _require_site(connection, entry.site, f"node {entry.ae_title}")
        if _apply_node(database, connection, network, entry):
            changes.append(f"node {entry.ae_title}@{entry.host} of {entry.site}")
    for agreed in network.agreement:
        for code in (agreed.requester, agreed.reader):
            _require_site(connection, code, "agreement")
        if put_agreement(database, connection, Agreement(**agreed.model_dump())):
            changes.append(f"agreement {agreed.requester} to {agreed.reader} ({agreed.service})")


def _apply_node(database: Database, connection: Connection, network: Network, entry: NodeEntry) -> bool:
    """A node that moved is one node: its old address ends, and what waits for it follows."""
    node = Node(**{**entry.model_dump(), "receives": tuple(entry.receives), "may": tuple(entry.may)})
    same = (other for other in network.node if (other.site, other.ae_title) == (node.site, node.ae_title))
    moved = move_node(connection, node, {other.host for other in same})
    changed = put_node(database, connection, node) or moved
    if changed:
        readdress(connection, node)
    return changed


def _require_site(connection: Connection, code: str, who: str) -> None:
    if get_site(connection, code) is None:
        raise Invalid(f"{who}: there is no site {code}; declare it in the same file or before")


def _apply_user(
    connection: Connection,
    entry: UserEntry,
    environ: Mapping[str, str],
    changes: list[str],
    invitations: list[tuple[str, str]],
) -> None:
    for role in entry.roles:
        _require_site(connection, role.site, f"user {entry.username}")
    row = connection.execute(select(user).where(user.c.username == entry.username)).one_or_none()
    if row is None:
        user_id = _add_user(connection, entry, environ, invitations)
        changes.append(f"user {entry.username}")
    else:
        user_id = row.id
        if _update_user(connection, entry, row):
            changes.append(f"user {entry.username}")
    if set_memberships(connection, user_id, {Membership(role.site, role.role) for role in entry.roles}):
        changes.append(f"roles of {entry.username}")


def _add_user(
    connection: Connection, entry: UserEntry, environ: Mapping[str, str], invitations: list[tuple[str, str]]
) -> int:
    user_id = add_person(
        connection,
        entry.username,
        entry.name,
        entry.name_zh,
        licence_no=entry.licence_no,
        may_sign_final=entry.signs,
    )
    if not entry.password_env:
        invitations.append((entry.username, invite(connection, user_id)))
        return user_id
    password = environ.get(entry.password_env, "")
    if len(password) < MIN_PASSWORD:
        wanted = f"{entry.password_env} with at least {MIN_PASSWORD} characters"
        raise Invalid(
            f"user {entry.username}: set the environment variable {wanted}, or leave password_env out"
        )
    set_password(connection, user_id, password)
    return user_id


def _update_user(connection: Connection, entry: UserEntry, row: Any) -> bool:
    """Names and licence follow the file; a password, once set, is the person's own."""
    wanted = {
        "name": entry.name,
        "name_zh": entry.name_zh,
        "licence_no": entry.licence_no,
        "may_sign_final": entry.signs,
    }
    if all(getattr(row, key) == value for key, value in wanted.items()):
        return False
    connection.execute(update(user).where(user.c.id == row.id).values(**wanted))
    return True

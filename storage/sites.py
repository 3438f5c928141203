"""Who may send to us: sites (hospitals) and their DICOM nodes, and the callers that were refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from storage.database import Database
from storage.locks import Lock, serialize
from storage.tables import node, refusal, site

KEPT_REFUSALS = 1000
"""Refused callers remembered; a caller with ever new titles must not fill the table."""


@dataclass(frozen=True)
class Site:
    """A hospital: `code` is short, unique and appears in keys, URLs and logs."""

    code: str
    name: str
    name_zh: str
    level: str
    timezone: str


MAY = ("store", "find", "retrieve", "commit")
"""What a node can be allowed to do: C-STORE, C-FIND, C-MOVE and C-GET, Storage Commitment."""


@dataclass(frozen=True)
class Node:
    """A PACS, scanner or gateway of a site. `host` ``*`` means: any address may send under this title.

    `may` is what it is allowed to ask of us, out of `MAY`. `certificate` is the SHA-256 fingerprint of its TLS
    certificate in lower case hexadecimal digits: where it is set, the node is let in with this certificate only.
    `tls` means that we call it over TLS, `queryable` that we may ask it by C-FIND how many images a study has.
    """

    site: str
    ae_title: str
    host: str
    port: int
    receives: tuple[str, ...] = ()
    charset: str = ""
    issuer: str = ""
    may: tuple[str, ...] = MAY
    certificate: str = ""
    tls: bool = False
    queryable: bool = False


@dataclass(frozen=True)
class Refusal:
    """A caller that was turned away, kept so that an administrator can adopt the device."""

    id: int
    calling_ae_title: str
    called_ae_title: str
    address: str
    reason: str
    first_at: datetime
    last_at: datetime
    count: int


def put_site(database: Database, connection: Connection, value: Site) -> bool:
    """Insert or update; tells whether anything changed."""
    serialize(connection, Lock.NETWORK)
    known = get_site(connection, value.code)
    if known == value:
        return False
    if known is None:
        return database.insert_ignoring(connection, site, **asdict(value))
    connection.execute(update(site).where(site.c.code == value.code).values(**asdict(value)))
    return True


def get_site(connection: Connection, code: str) -> Site | None:
    """The site with this code."""
    row = connection.execute(select(site).where(site.c.code == code)).mappings().one_or_none()
    return Site(**row) if row else None


def all_sites(connection: Connection) -> list[Site]:
    """Every site, by code."""
    return [Site(**row) for row in connection.execute(select(site).order_by(site.c.code)).mappings()]


def put_node(database: Database, connection: Connection, value: Node) -> bool:
    """Insert or update the node of this title and host; tells whether anything changed."""
    serialize(connection, Lock.NETWORK)
    known = {(n.ae_title, n.host): n for n in all_nodes(connection)}.get((value.ae_title, value.host))
    if known == value:
        return False
    values: dict[str, Any] = {**asdict(value), "receives": list(value.receives), "may": list(value.may)}
    if known is None:
        return database.insert_ignoring(connection, node, **values)
    where = (node.c.ae_title == value.ae_title, node.c.host == value.host)
    connection.execute(update(node).where(*where).values(**values))
    return True


def move_node(connection: Connection, value: Node, declared_hosts: set[str]) -> bool:
    """Forget addresses of the node that are declared no longer; tells whether there were any."""
    gone = (node.c.site == value.site, node.c.ae_title == value.ae_title, node.c.host.not_in(declared_hosts))
    return connection.execute(delete(node).where(*gone)).rowcount > 0


def all_nodes(connection: Connection) -> list[Node]:
    """Every node, by site and title."""
    rows = connection.execute(select(node).order_by(node.c.site, node.c.ae_title)).mappings()
    return [_node(row) for row in rows]


def can_be_asked(connection: Connection, site_code: str, ae_title: str) -> bool:
    """Whether a node of this title may be asked how many images a study has (`Node.queryable`)."""
    allowed = (node.c.site == site_code, node.c.ae_title == ae_title, node.c.queryable)
    return connection.execute(select(node.c.id).where(*allowed).limit(1)).first() is not None


def nodes_receiving(connection: Connection, site_code: str) -> list[Node]:
    """The nodes of a site that want reports sent."""
    rows = connection.execute(select(node).where(node.c.site == site_code).order_by(node.c.id)).mappings()
    return [found for found in map(_node, rows) if found.receives]


def find_node(connection: Connection, ae_title: str, address: str) -> Node | None:
    """The node that calls itself `ae_title` from `address`: an exact address first, then ``*``.

    A node whose title is ``*`` as well matches any title from its address.
    """
    wanted = ae_title.strip()
    query = select(node).where(node.c.ae_title.in_([wanted, "*"]), node.c.host.in_([address, "*"]))
    found = [_node(row) for row in connection.execute(query).mappings()]
    return min(found, key=lambda n: (n.ae_title == "*", n.host == "*"), default=None)


def record_refusal(
    database: Database,
    connection: Connection,
    calling: str,
    called: str,
    address: str,
    reason: str,
    *,
    count: int = 1,
) -> None:
    """Count a caller that was refused `count` times just now; the same one again is the same row."""
    now = datetime.now(UTC)
    key = {
        "calling_ae_title": calling[:64],
        "called_ae_title": called[:64],
        "address": address,
        "reason": reason,
    }
    if database.insert_ignoring(connection, refusal, **key, first_at=now, last_at=now, count=count):
        newest = select(refusal.c.id).order_by(refusal.c.last_at.desc()).limit(KEPT_REFUSALS)
        connection.execute(delete(refusal).where(refusal.c.id.not_in(newest)))
        return
    again = update(refusal).filter_by(**key).values(last_at=now, count=refusal.c.count + count)
    connection.execute(again)


def all_refusals(connection: Connection, limit: int = 500) -> list[Refusal]:
    """Refused callers, the latest first."""
    query = select(refusal).order_by(refusal.c.last_at.desc()).limit(limit)
    return [Refusal(**row) for row in connection.execute(query).mappings()]


def _node(row: Any) -> Node:
    values = {key: row[key] for key in Node.__dataclass_fields__ if key not in ("receives", "may")}
    return Node(**values, receives=tuple(row["receives"]), may=tuple(row["may"]))


@dataclass(frozen=True)
class Assumed:
    """What a site's data sets mean where they do not say: a character set, and the issuer of patient IDs."""

    charset: str = ""
    issuer: str = ""


def assumed_of(connection: Connection, site_code: str) -> Assumed:
    """What the site's nodes agree on, the first that says; for images that came by another road than a node."""
    nodes = [found for found in all_nodes(connection) if found.site == site_code]
    return Assumed(
        next((found.charset for found in nodes if found.charset), ""),
        next((found.issuer for found in nodes if found.issuer), ""),
    )

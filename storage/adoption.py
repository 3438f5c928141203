"""Adopting a refused caller: the device becomes a node of a hospital in one step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from storage import audit
from storage.database import Database
from storage.errors import Conflict, Invalid, NotFound
from storage.sites import Node, Refusal, all_nodes, all_refusals, find_node, get_site, put_node
from storage.tables import refusal


def refusals_near(connection: Connection, sites: Iterable[str]) -> list[Refusal]:
    """Refused callers that these hospitals know something of: an address or a title of their own nodes.

    A refused caller belongs to no hospital; all others are for those who run the platform.
    """
    wanted = set(sites)
    nodes = [node for node in all_nodes(connection) if node.site in wanted]
    hosts = {node.host for node in nodes} - {"*"}
    titles = {node.ae_title for node in nodes} - {"*"}
    found = all_refusals(connection)
    return [one for one in found if one.address in hosts or one.calling_ae_title.strip() in titles]


def get_refusal(connection: Connection, refusal_id: int) -> Refusal:
    """Raises `NotFound`."""
    row = connection.execute(select(refusal).where(refusal.c.id == refusal_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("this refused caller is no longer listed")
    return Refusal(**row)


def adopt(database: Database, connection: Connection, wanted: Node, act: audit.Act) -> Node:
    """Register the caller `wanted.ae_title` at `wanted.host`, and strike it from the refused ones.

    `act` says who does it; what was done is filled in. Raises `Invalid` for what is no AE title (PS3.5 6.2, AE) or no
    hospital, `Conflict` ``NODE_KNOWN`` if such a caller is let in already: it was refused for another reason.
    """
    node = replace(wanted, ae_title=_checked_title(wanted.ae_title))
    if get_site(connection, node.site) is None:
        raise Invalid(f"there is no site {node.site}", field="site")
    known = find_node(connection, node.ae_title, node.host)
    if known is not None:
        raise Conflict(
            f"{node.ae_title} at {node.host} is a node of {known.site} already; it was refused for another reason",
            code="NODE_KNOWN",
            site=known.site,
        )
    put_node(database, connection, node)
    connection.execute(delete(refusal).where(refusal.c.id.in_(_refusals_of(connection, node))))
    named = f"{node.ae_title}@{node.host}"
    detail = {"port": node.port, "charset": node.charset, "issuer": node.issuer}
    done = replace(
        act, action="adopt", object_type="node", object_id=named[:128], site=node.site, detail=detail
    )
    audit.append(connection, done)
    return node


def _checked_title(title: str) -> str:
    plain = title.strip()
    if not plain or len(plain) > 16 or not plain.isascii() or not plain.isprintable() or "\\" in plain:
        raise Invalid("an AE title has 1 to 16 printable ASCII characters and no backslash", field="ae_title")
    return plain


def _refusals_of(connection: Connection, node: Node) -> list[int]:
    query = select(refusal.c.id, refusal.c.calling_ae_title).where(refusal.c.address == node.host)
    return [row.id for row in connection.execute(query) if row.calling_ae_title.strip() == node.ae_title]

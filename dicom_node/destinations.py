"""The nodes that we may call: registered, of the caller's own site, with an address."""

from __future__ import annotations

from dicom_node.requestor import Destination
from storage.database import Database
from storage.errors import NotFound
from storage.sites import Node, all_nodes

_ANY = "*"


def find_destination(database: Database, site: str, ae_title: str, *, near: str = "") -> Destination:
    """The node `ae_title` of the site; of several with this title the one at the address `near`, else the first.

    Raises `NotFound`, saying what to do.
    """
    wanted = ae_title.strip()
    with database.read() as connection:
        named = [node for node in all_nodes(connection) if node.site == site and node.ae_title == wanted]
    callable_ones = [node for node in named if _can_be_called(node)]
    if not callable_ones:
        raise NotFound("this node has no address: register it" if named else "no such node is registered")
    found = min(callable_ones, key=lambda node: node.host != near)
    return destination_of(found)


def queryable_destinations(database: Database) -> dict[tuple[str, str], Destination]:
    """The nodes that we may ask, by site and title; of several with one title the first."""
    with database.read() as connection:
        nodes = [node for node in all_nodes(connection) if node.queryable and _can_be_called(node)]
    return {(node.site, node.ae_title): destination_of(node) for node in reversed(nodes)}


def destination_of(node: Node) -> Destination:
    """Where and how the node is called."""
    return Destination(node.ae_title, node.host, node.port, node.tls, node.certificate)


def _can_be_called(node: Node) -> bool:
    return node.ae_title != _ANY and node.host not in ("", _ANY) and 0 < node.port < 65536

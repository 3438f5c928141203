"""`farlight network`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from farlight.cli.record import operator
from farlight.network import apply_network, read_network
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.adoption import adopt as adopt_caller
from storage.audit import Act
from storage.declarations import keep_declarations
from storage.sites import Node, Site, all_nodes, all_refusals, all_sites
from worklist.agreements import all_agreements

app = typer.Typer(help="Hospitals, their DICOM nodes, agreements and users.", no_args_is_help=True)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The network file, TOML.", exists=True, dir_okay=False)],
) -> None:
    """Make what FILE declares so; applying it twice changes nothing."""
    declared = read_network(file)
    archive = open_current_archive(load_settings())
    archive.blobs.check()  # what is declared is kept there too
    applied = apply_network(archive.database, declared)
    keep_declarations(archive)
    for change in applied.changes:
        print(f"changed: {change}")
    if not applied.changes:
        print("nothing to change")
    for username, token in applied.invitations:
        print(f"invitation for {username}, shown once, valid for 7 days: /invitation#{token}")


@app.command()
def adopt(
    ae_title: Annotated[str, typer.Argument(help="The title it calls itself, as `network show` lists it.")],
    address: Annotated[str, typer.Argument(help="The address it calls from.")],
    site: Annotated[str, typer.Option(help="Code of the hospital it belongs to.")],
    port: Annotated[int, typer.Option(help="Where it listens, for what we send.", min=1, max=65535)] = 104,
    charset: Annotated[str, typer.Option(help="Assumed where (0008,0005) is absent, such as GB18030.")] = "",
    issuer: Annotated[str, typer.Option(help="Issuer of its patient IDs.")] = "",
) -> None:
    """Make a refused caller a node of a hospital."""
    archive = open_current_archive(load_settings())
    wanted = Node(site, ae_title, address, port, charset=charset, issuer=issuer)
    with archive.database.write() as connection:
        node = adopt_caller(archive.database, connection, wanted, Act("", "", "", actor=operator()))
    keep_declarations(archive)
    print(f"{node.ae_title} at {node.host} is a node of {node.site} from now on")


@app.command()
def show() -> None:
    """Print sites, nodes, agreements, and callers that were refused."""
    archive = open_current_archive(load_settings())
    console = Console()
    with archive.database.read() as connection:
        sites, nodes = all_sites(connection), all_nodes(connection)
        agreements, refusals = all_agreements(connection), all_refusals(connection)
    _print(console, "Sites", ("code", "name", "level", "time zone"), _site_rows(sites))
    node_rows = [(n.site, n.ae_title, f"{n.host}:{n.port}", ", ".join(n.receives), n.charset) for n in nodes]
    _print(console, "Nodes", ("site", "AE title", "address", "receives", "charset"), node_rows)
    agreed = [
        (a.requester, a.reader, a.service, a.sign_policy, "yes" if a.auto_request else "no", a.priority)
        for a in agreements
    ]
    _print(
        console, "Agreements", ("requester", "reader", "service", "signing", "automatic", "priority"), agreed
    )
    refused = [
        (r.calling_ae_title, r.address, r.reason, str(r.count), f"{r.last_at:%F %T}") for r in refusals
    ]
    _print(console, "Refused callers", ("calling", "address", "reason", "times", "last (UTC)"), refused)


def _site_rows(sites: list[Site]) -> list[tuple[str, ...]]:
    return [(s.code, f"{s.name} {s.name_zh}", s.level, s.timezone) for s in sites]


def _print(console: Console, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table if rows else f"{title}: none")

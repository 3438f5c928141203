"""`farlight user`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from farlight.cli.record import note
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.errors import Invalid
from worklist.people import (
    Membership,
    add_person,
    find_id,
    get_person,
    invite,
    set_memberships,
    set_password,
)
from worklist.people import disable as disable_person
from worklist.roles import Role
from worklist.tables import user

app = typer.Typer(help="People who sign in.", no_args_is_help=True)
Username = Annotated[str, typer.Argument(help="The name to sign in with.")]


@app.command()
def add(
    username: Username,
    name: Annotated[str, typer.Option(help="Name in Latin letters.")],
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="SITE:role, as often as needed.")] = None,
    licence_no: Annotated[str, typer.Option(help="Licence number, printed on reports.")] = "",
    may_sign_final: Annotated[bool, typer.Option(help="May sign final reports.")] = False,
) -> None:
    """Add a person and print an invitation with which they set their password."""
    memberships = {_membership(text) for text in role or []}
    archive = open_current_archive(load_settings())
    with archive.database.write() as connection:
        user_id = add_person(
            connection, username, name, name_zh, licence_no=licence_no, may_sign_final=may_sign_final
        )
        set_memberships(connection, user_id, memberships)
        token = invite(connection, user_id)
        note(connection, "user-add", username)
    print(f"invitation for {username}, shown once, valid for 7 days: /invitation#{token}")


@app.command("list")
def list_users() -> None:
    """Print everybody with their roles."""
    archive = open_current_archive(load_settings())
    table = Table("username", "name", "roles", "signs", "active")
    with archive.database.read() as connection:
        for row in connection.execute(select(user).order_by(user.c.username)):
            roles = ""
            if row.active:
                memberships = get_person(connection, row.id).memberships
                roles = ", ".join(f"{m.site}:{m.role}" for m in memberships)
            signs, active = ("yes" if flag else "no" for flag in (row.may_sign_final, row.active))
            table.add_row(row.username, f"{row.name} {row.name_zh}", roles, signs, active)
    Console().print(table)


@app.command()
def passwd(username: Username) -> None:
    """Set a password, asked for twice; every session of the person ends."""
    archive = open_current_archive(load_settings())
    password = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    with archive.database.write() as connection:
        set_password(connection, find_id(connection, username), password)
        note(connection, "user-passwd", username)
    print(f"password of {username} set")


@app.command()
def disable(username: Username) -> None:
    """Close an account at once, its sessions and tokens included."""
    archive = open_current_archive(load_settings())
    with archive.database.write() as connection:
        disable_person(connection, username)
        note(connection, "user-disable", username)
    print(f"{username} is disabled")


def _membership(text: str) -> Membership:
    site, _, role = text.partition(":")
    if role not in set(Role):
        raise Invalid(f"--role {text!r}: write SITE:role, with one of {', '.join(Role)}")
    return Membership(site, Role(role))

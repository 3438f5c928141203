"""`farlight token`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from farlight.cli.record import note
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from viewer_api.sessions import create_token, list_tokens, revoke_token

app = typer.Typer(help="Tokens with which programs call the API.", no_args_is_help=True)


@app.command()
def create(
    username: Annotated[str, typer.Argument(help="The person or service account to act as.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    days: Annotated[
        int | None, typer.Option(help="Valid for so many days; else until revoked.", min=1)
    ] = None,
) -> None:
    """Print a new token, once. Use it as `Authorization: Bearer TOKEN`."""
    archive = open_current_archive(load_settings())
    with archive.database.write() as connection:
        print(create_token(connection, username, name, days))
        note(connection, "token-create", username)


@app.command("list")
def list_all() -> None:
    """Print all tokens, without their secrets."""
    archive = open_current_archive(load_settings())
    table = Table("id", "acts as", "for", "created (UTC)", "expires", "revoked")
    with archive.database.read() as connection:
        for token in list_tokens(connection):
            moments = (token.created_at, token.expires_at, token.revoked_at)
            table.add_row(
                str(token.id), token.username, token.name, *(f"{m:%F %T}" if m else "" for m in moments)
            )
    Console().print(table)


@app.command()
def revoke(token_id: Annotated[int, typer.Argument(help="Its number in `farlight token list`.")]) -> None:
    """End a token at once."""
    archive = open_current_archive(load_settings())
    with archive.database.write() as connection:
        revoke_token(connection, token_id)
        note(connection, "token-revoke", str(token_id))
    print(f"token {token_id} is revoked")

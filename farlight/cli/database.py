"""`farlight db`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from farlight.cli.imports import progress_bar
from farlight.settings import load_settings
from storage.database import Database
from storage.database_copy import copy_rows, count_all_rows
from storage.migrations import current_revision, newest_revision
from storage.migrations import upgrade as upgrade_schema

app = typer.Typer(help="The database schema.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the schema to the newest revision; harmless if it is there."""
    database = Database(load_settings().database)
    before = current_revision(database)
    upgrade_schema(database)
    after = current_revision(database)
    print(f"schema {after}" if before == after else f"schema {before or 'empty'} -> {after}")


@app.command()
def status() -> None:
    """Tell the schema's revision; exit code 1 if it is not the newest."""
    database = Database(load_settings().database)
    found, wanted = current_revision(database), newest_revision()
    print(f"database: {found or 'empty'}, program: {wanted}")
    for doubt in database.doubts():
        print(f"warning: {doubt}")
    if found != wanted:
        raise typer.Exit(1)


@app.command()
def copy(
    target: Annotated[
        str, typer.Argument(help="postgresql://… or sqlite:///path; made ready, must hold no rows.")
    ],
) -> None:
    """Copy everything into another database, of whatever kind, while the service is stopped."""
    source, into = Database(load_settings().database), Database(target)
    upgrade_schema(into)
    with progress_bar(Console(stderr=True)) as progress:
        task = progress.add_task("rows", total=count_all_rows(source))
        copied = copy_rows(source, into, lambda n: progress.advance(task, n))
    print(f"copied {copied} rows")

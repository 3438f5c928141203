"""`farlight db`."""

from __future__ import annotations

import typer

from farlight.settings import load_settings
from storage.database import Database
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
    if found != wanted:
        raise typer.Exit(1)

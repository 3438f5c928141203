"""The command line. Exit code 0: done; 1: not done, the reason is on stderr; 2: wrong usage."""

from __future__ import annotations

import sys

import typer

from farlight import logs
from farlight.cli import (
    database,
    demo,
    imports,
    network,
    reindex,
    serve,
    studies,
    tokens,
    users,
    verify,
)
from storage.errors import Error

app = typer.Typer(
    name="farlight",
    help="Farlight 远影: remote image diagnosis, from the scanner to the signed report and back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("import")(imports.import_files)
app.add_typer(network.app, name="network")
app.add_typer(studies.app, name="study")
app.add_typer(users.app, name="user")
app.add_typer(tokens.app, name="token")
app.add_typer(database.app, name="db")
app.command("verify")(verify.verify)
app.command("reindex")(reindex.reindex)


def main() -> None:
    """The console script. What a command says is on stdout; its log, like a service's, on stderr."""
    logs.configure("command")
    try:
        app()
    except Error as why:
        print(f"farlight: {why.message}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)

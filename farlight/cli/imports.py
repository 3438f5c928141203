"""`farlight import`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from farlight.importing import Summary, find_items, import_items
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.errors import Invalid
from storage.ingest import Outcome, Sender
from storage.sites import assumed_of, get_site


def import_files(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, ZIP archives, or a DICOMDIR.")],
    site: Annotated[str, typer.Option(help="Code of the hospital whose images these are.")],
) -> None:
    """Take images in that did not come over the network."""
    archive = open_current_archive(load_settings())
    with archive.database.read() as connection:
        if get_site(connection, site) is None:
            raise Invalid(f"there is no site {site}: see 'farlight network show'")
        assumed = assumed_of(connection, site)
    console = Console(stderr=True)
    with console.status("looking for files"):
        items = find_items(paths, archive.incoming)
    sender = Sender(site, f"import:{getpass.getuser()}"[:64], charset=assumed.charset, issuer=assumed.issuer)
    with progress_bar(console) as progress:
        task = progress.add_task("importing", total=len(items))
        summary = import_items(archive, items, sender, lambda: progress.advance(task))
    _tell(summary)
    if summary.refused:
        raise typer.Exit(1)


def progress_bar(console: Console) -> Progress:
    """The bar for long work."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _tell(summary: Summary) -> None:
    print(
        f"stored {summary.outcomes[Outcome.STORED]}, known already {summary.outcomes[Outcome.DUPLICATE]}, "
        f"held aside {summary.outcomes[Outcome.HELD_ASIDE]}, not DICOM {summary.passed_over}, "
        f"refused {len(summary.refused)}"
    )
    for name, why in summary.refused:
        print(f"refused: {name}: {why}")

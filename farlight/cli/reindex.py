"""`farlight reindex`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from farlight.cli.imports import progress_bar
from farlight.cli.record import note
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.reindex import Reindexed, count_blobs
from storage.reindex import reindex as make_index
from worklist.arrivals import CONSUMER


def reindex(
    site: Annotated[str, typer.Option(help="Only this hospital's.", metavar="CODE")] = "",
) -> None:
    """Make the index again from the blobs alone, or bring it up to them: rows that exist keep their numbers, missing
    ones are added, wrong ones corrected, none removed. Doing it again changes nothing; works while the service runs."""
    archive = open_current_archive(load_settings())
    console = Console(stderr=True)
    with console.status("counting blobs"):
        counts = count_blobs(archive, site)
    with progress_bar(console) as progress:
        task = progress.add_task("blobs", total=counts.total())
        done = make_index(archive, counts, lambda n: progress.advance(task, n), followers=(CONSUMER,))
    with archive.database.write() as connection:
        note(connection, "reindex", site)
    _tell(done)
    if done.left:
        raise typer.Exit(1)


def _tell(done: Reindexed) -> None:
    print(
        f"blobs {done.blobs}, recorded {done.recorded}, rows corrected {done.corrected}, "
        f"sites changed {done.sites}, left {len(done.left)}"
    )
    for key, why in done.left:
        print(f"left: {key}: {why}")
    if done.from_nothing and done.recorded:
        print("made from nothing: for these studies no read requests are opened by themselves")

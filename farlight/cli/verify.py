"""`farlight verify`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import select

from farlight.cli.imports import progress_bar
from farlight.cli.record import note
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.archive import Archive
from storage.errors import Invalid
from storage.sites import get_site
from storage.verify import (
    Fault,
    Problem,
    count_rows,
    verify_audit,
    verify_blobs,
    verify_figures,
    verify_unnamed,
)
from worklist.reports.versions import verify as verify_versions
from worklist.tables import report, request


def verify(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be made again from the blobs.")
    ] = False,
    site: Annotated[str, typer.Option(help="Only this hospital's.", metavar="CODE")] = "",
) -> None:
    """Compare every blob with its hash, every row with its blob, every figure with its rows, every report with its
    signature. Exit code 0 if all is well, or was mended; 1 if not. Works while the service runs."""
    archive = open_current_archive(load_settings())
    _require_site(archive, site)
    console = Console(stderr=True)
    found: Counter[tuple[Fault, bool]] = Counter()
    with progress_bar(console) as progress:
        for problem in _problems(archive, site, repair, progress):
            found[problem.fault, problem.mended] += 1
            _tell(problem)
    if repair:
        with archive.database.write() as connection:
            note(connection, "verify-repair", site)
    _summarize(found)
    if any(count for (_, mended), count in found.items() if not mended):
        raise typer.Exit(1)


def _require_site(archive: Archive, code: str) -> None:
    with archive.database.read() as connection:
        if code and get_site(connection, code) is None:
            raise Invalid(f"there is no site {code}: see 'farlight network show'")


def _problems(archive: Archive, site: str, repair: bool, progress: Progress) -> Iterator[Problem]:
    task = progress.add_task("blobs", total=count_rows(archive, site))
    yield from verify_blobs(archive, site, repair=repair, progress=lambda n: progress.advance(task, n))
    yield from verify_unnamed(archive, site, repair=repair)
    yield from verify_figures(archive, site, repair=repair)
    yield from verify_audit(archive)
    yield from _verify_reports(archive, site, progress)


def _verify_reports(archive: Archive, site: str, progress: Progress) -> Iterator[Problem]:
    """The chain of each report's versions, and that its documents are those that were signed."""
    query = select(report.c.id).join(request, request.c.id == report.c.request)
    if site:
        query = query.where(request.c.owner_site == site)
    with archive.database.read() as connection:
        ids = list(connection.execute(query.order_by(report.c.created_at)).scalars())
    task = progress.add_task("reports", total=len(ids))
    for report_id in ids:
        with archive.database.read() as connection:
            findings = verify_versions(connection, report_id)
        for finding in findings:
            if not finding.intact:
                yield Problem(Fault.REPORT, f"report {report_id} version {finding.n}", finding.problem)
        progress.advance(task)


def _tell(problem: Problem) -> None:
    mended = "mended: " if problem.mended else ""
    what = f": {problem.what}" if problem.what else ""
    print(f"{mended}{problem.fault}: {problem.where}{what}")


def _summarize(found: Counter[tuple[Fault, bool]]) -> None:
    if not found:
        print("all is well")
        return
    table = Table("what", "mended", "left", title="Verification", title_justify="left")
    for fault in Fault:
        if found[fault, True] or found[fault, False]:
            table.add_row(fault.value, str(found[fault, True]), str(found[fault, False]))
    Console().print(table)

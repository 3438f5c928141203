"""`farlight study`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from farlight.cli.record import operator
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from storage.audit import Act, append
from storage.errors import Invalid
from storage.expectations import Source, record_expected
from storage.sites import get_site

app = typer.Typer(help="What is known of studies.", no_args_is_help=True)


@app.command()
def expect(
    site: Annotated[str, typer.Argument(help="Code of the hospital that sends the study.")],
    study_instance_uid: Annotated[str, typer.Argument(help="Its (0020,000D) StudyInstanceUID.")],
    instances: Annotated[int, typer.Argument(help="How many instances it has.", min=1)],
) -> None:
    """Say how many instances a study has, so that what is missing is known; it need not have come yet."""
    archive = open_current_archive(load_settings())
    with archive.database.write() as connection:
        if get_site(connection, site) is None:
            raise Invalid(f"there is no site {site}")
        record_expected(
            archive.database,
            connection,
            site=site,
            study_instance_uid=study_instance_uid,
            source=Source.DECLARED,
            instances=instances,
            at=datetime.now(UTC),
        )
        detail = {"instances": instances}
        append(
            connection,
            Act("expect", "study", study_instance_uid, actor=operator(), site=site, detail=detail),
        )
    print(f"{instances} instances are expected of the study")

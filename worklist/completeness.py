"""The completeness of studies, with what the arrivals know: which of them are quiet."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from storage.completeness import Count, Held, counts_of
from storage.tables import study
from worklist.tables import arrival


def of_studies(connection: Connection, studies: Iterable[int]) -> dict[int, Count]:
    """By row number of the study."""
    query = (
        select(study, arrival.c.stable_epoch)
        .outerjoin(arrival, arrival.c.study == study.c.id)
        .where(study.c.id.in_(sorted(set(studies))))
    )
    return counts_of(
        connection,
        {
            row.id: Held(
                row.site,
                row.study_instance_uid,
                row.received_instances,
                row.last_received_at,
                quiet=row.stable_epoch is not None and row.stable_epoch == row.epoch,
            )
            for row in connection.execute(query)
        },
    )

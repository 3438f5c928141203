"""Attributes of a query's answers that are computed for many rows at once (PS3.4 C.3.4)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from storage.tables import instance, series

SOP_CLASSES_IN_STUDY = "00080062"


def sop_classes(connection: Connection, studies: Collection[int]) -> dict[int, list[str]]:
    """(0008,0062) SOPClassesInStudy of studies, by row number."""
    query = (
        select(series.c.study, instance.c.sop_class_uid)
        .join(instance, instance.c.series == series.c.id)
        .where(series.c.study.in_(sorted(studies)), instance.c.rejection.is_(None))
        .distinct()
        .order_by(instance.c.sop_class_uid)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.study, []).append(row.sop_class_uid)
    return found

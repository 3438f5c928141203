"""Where an instance lies now whose bytes were not found where they lay when somebody asked.

Packing moves instances, and what they left is deleted a day later; who reads from a list that old, or sends a large
study over a thin line, asks again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from storage.database import Database
from storage.tables import instance


def moved_to(database: Database, place: Any) -> tuple[str, int] | None:
    """Blob and offset, if the index names others than `place` for the same instance; else None.

    Raises `Unavailable`.
    """
    uid = getattr(place, "sop_instance_uid", "")
    query = select(instance.c.blob_key, instance.c.blob_offset).where(
        instance.c.site == place.blob_key.partition("/")[0],
        instance.c.sop_instance_uid == uid,
        instance.c.length == place.length,
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None or (row.blob_key, row.blob_offset) == (place.blob_key, place.blob_offset):
        return None
    return row.blob_key, row.blob_offset

"""All rows of one database into another, empty one, of whatever kind: how an archive grows from SQLite to PostgreSQL.

The tables are the same on both, and so are the rows, numbers included. The service must be stopped: what is written
while it is copied may be missing. Blobs are not touched; their keys are the same in every store.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Table, func, insert, select, text

from storage.database import Database
from storage.errors import Conflict
from storage.migrations import require_current
from storage.tables import metadata

BATCH = 500


def count_all_rows(database: Database) -> int:
    """Rows of all tables."""
    with database.read() as connection:
        counts = (select(func.count()).select_from(table) for table in metadata.sorted_tables)
        return sum(connection.execute(query).scalar_one() for query in counts)


def copy_rows(source: Database, target: Database, progress: Callable[[int], None] = lambda _: None) -> int:
    """Copy everything in one transaction; returns how many rows.

    Raises `Conflict` if there are rows in `target`, `Unavailable` if the schema of either is not this program's.
    """
    for database in (source, target):
        require_current(database)
    if count_all_rows(target):
        raise Conflict("the target database is not empty: nothing was copied")
    copied = 0
    with source.read() as reading, target.write() as writing:
        for table in metadata.sorted_tables:
            copied += _copy_table(reading, writing, table, progress)
            _go_on_counting(writing, table)
    return copied


def _copy_table(
    reading: Connection, writing: Connection, table: Table, progress: Callable[[int], None]
) -> int:
    copied = 0
    rows = reading.execute(select(table).execution_options(yield_per=BATCH)).mappings()
    for batch in rows.partitions(BATCH):
        writing.execute(insert(table), [dict(row) for row in batch])
        copied += len(batch)
        progress(len(batch))
    return copied


def _go_on_counting(connection: Connection, table: Table) -> None:
    """Where PostgreSQL counts rows itself, the next number follows on the last; SQLite sees that by itself."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    name = text("select pg_get_serial_sequence(:table, :column)")
    sequence = connection.execute(name, {"table": table.name, "column": column.name}).scalar()
    last = connection.execute(select(func.max(column))).scalar()
    if sequence and last:
        connection.execute(text("select setval(:sequence, :last)"), {"sequence": sequence, "last": last})

"""Locks that are no rows: one writer at a time to a feed or a chain, in whatever process it works.

On PostgreSQL rows get their numbers when they are inserted and become visible when their transaction commits, in any
order; who follows a feed by its numbers would pass over a row that commits late. Whoever appends to a feed therefore
takes its lock, which lasts until the transaction is over. So that no two wait for each other, locks are taken in one
order: those up to `ARRIVALS`, then rows (a request before its study), then `REQUEST_EVENTS` and `AUDIT`. On SQLite
there is nothing to do: a write transaction has the database to itself.
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import Connection, text


class Lock(IntEnum):
    """What can be locked, by the number of its advisory lock. Whoever takes several takes them in this order."""

    MIGRATION = 7099
    """the schema is being changed"""
    NETWORK = 7100
    """sites, nodes and agreements, as an administrator declares them"""
    CHANGES = 7101
    """rows of `change`"""
    ARRIVALS = 7102
    """the worker that follows the change feed"""
    REQUEST_EVENTS = 7103
    """rows of `request_event`; after rows are locked"""
    AUDIT = 7104
    """rows of `audit`, each chained to the one before; last of all"""
    METADATA = 7105
    """rows of `series_metadata`, of one series at a time; taken alone"""


def serialize(connection: Connection, lock: Lock) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": int(lock)})


def serialize_row(connection: Connection, lock: Lock, row: int) -> None:
    """The same for what belongs to one row: others do not wait for it."""
    if connection.dialect.name == "postgresql":
        query = text("select pg_advisory_xact_lock(:number, :row)")
        connection.execute(query, {"number": int(lock), "row": row & 0x7FFFFFFF})


def take_if_free(connection: Connection, lock: Lock) -> bool:
    """Take the lock until the transaction ends, unless somebody has it; tells whether it was taken."""
    if connection.dialect.name != "postgresql":
        return True
    query = text("select pg_try_advisory_xact_lock(:number)")
    return bool(connection.execute(query, {"number": int(lock)}).scalar_one())

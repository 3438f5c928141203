"""Locks that are no rows: one writer at a time to a feed or a chain, in whatever process it works.

On PostgreSQL rows get their numbers when they are inserted and become visible when their transaction commits, in any
order; who follows a feed by its numbers would pass over a row that commits late. Whoever appends to a feed therefore
takes its lock, which lasts until the transaction is over, **before it locks any row that others lock too**. On SQLite
there is nothing to do: a write transaction has the database to itself.
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import Connection, text


class Lock(IntEnum):
    """What can be locked, by the number of its advisory lock. Whoever takes several takes them in this order."""

    MIGRATION = 7100
    """the schema is being changed"""
    CHANGES = 7101
    """rows of `change`: taken at the beginning of a transaction that records instances, before any study's row"""
    ARRIVALS = 7102
    """the worker that follows the change feed"""
    REQUEST_EVENTS = 7103
    """rows of `request_event`"""
    AUDIT = 7104
    """rows of `audit`, each chained to the one before"""
    NETWORK = 7105
    """sites, nodes, agreements as an administrator declares them"""


def serialize(connection: Connection, lock: Lock) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": int(lock)})


def take_if_free(connection: Connection, lock: Lock) -> bool:
    """Take the lock until the transaction ends, unless somebody has it; tells whether it was taken."""
    if connection.dialect.name != "postgresql":
        return True
    query = text("select pg_try_advisory_xact_lock(:number)")
    return bool(connection.execute(query, {"number": int(lock)}).scalar_one())

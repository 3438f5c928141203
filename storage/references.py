"""Which blobs are named by a row, asked of every table that names blobs.

A table names blobs in the columns ``blob_key`` and ``blob_offset``, and by that alone it protects them from being
swept. A pack is named as long as one of its instances is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, select

from storage.tables import metadata

Thing = TypeVar("Thing")
PAGE = 500
"""Blobs that are looked up at once."""


def pages(things: Iterable[Thing], size: int = PAGE) -> Iterator[list[Thing]]:
    """The same in lists of up to `size`."""
    iterator = iter(things)
    while page := list(islice(iterator, size)):
        yield page


def named_keys(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Those of a page of keys that a row names."""
    return {key for key, _ in named_places(connection, keys)}


def named_places(connection: Connection, keys: Iterable[str]) -> set[tuple[str, int]]:
    """What rows name in the blobs of a page of keys: each with the offset in it."""
    sought = set(keys)
    tables = [table for table in metadata.tables.values() if "blob_key" in table.c]
    queries = [
        select(table.c.blob_key, table.c.blob_offset).where(table.c.blob_key.in_(sought)) for table in tables
    ]
    return {(row.blob_key, row.blob_offset) for query in queries for row in connection.execute(query)}

"""Which blobs are named by a row, asked of every table that names blobs.

A table names blobs in a column called ``blob_key``, and by that alone it protects them from being swept.
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


def named_keys(connection: Connection, keys: list[str]) -> set[str]:
    """Those of a page of keys that a row names."""
    columns = [table.c.blob_key for table in metadata.tables.values() if "blob_key" in table.c]
    queries = [select(column).where(column.in_(keys)) for column in columns]
    return {key for query in queries for key in connection.execute(query).scalars()}

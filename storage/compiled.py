"""The few statements on the way of every image, compiled once for each database instead of at every use.

SQLAlchemy looks a statement up by its structure each time and builds its parameters by general rules: half of the time
that recording an image takes. Here the text and the conversion of parameters are kept, and on SQLite, where a statement
takes less time than the layers around it, the driver's own cursor runs it. Results come as the driver gives them: no
moments among them, see `moment`.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Dialect, bindparam
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.expression import ClauseElement

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class _Form:
    """The statement for one kind of database: its text, and its parameters' names in their order."""

    text: str
    names: tuple[str, ...]
    positional: bool
    converters: dict[str, Callable[[Any], Any]]

    def parameters(self, given: Parameters) -> Any:
        """What the driver takes."""
        converters = self.converters
        values = [converters[name](given[name]) if name in converters else given[name] for name in self.names]
        return tuple(values) if self.positional else dict(zip(self.names, values, strict=True))


class Compiled:
    """A statement with named parameters only; `columns` are those that an insert sets."""

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._forms: dict[str, _Form] = {}

    def run(self, connection: Connection, given: Parameters) -> list[Any]:
        """Execute it once; rows with the columns' names as attributes."""
        form = self._form(connection.dialect)
        if connection.dialect.name != "sqlite":
            result = connection.exec_driver_sql(form.text, form.parameters(given))
            return _named(result.keys(), result)
        with _cursor(connection, form.text) as cursor:
            cursor.execute(form.text, form.parameters(given))
            return _named((column[0] for column in cursor.description), cursor)

    def run_many(self, connection: Connection, rows: Sequence[Parameters]) -> None:
        """Execute it for each of the rows."""
        if not rows:
            return
        form = self._form(connection.dialect)
        if connection.dialect.name == "sqlite":
            with _cursor(connection, form.text) as cursor:
                cursor.executemany(form.text, [form.parameters(row) for row in rows])
        elif len(rows) == 1:
            connection.exec_driver_sql(form.text, form.parameters(rows[0]))
        else:
            connection.exec_driver_sql(form.text, [form.parameters(row) for row in rows])

    def _form(self, dialect: Dialect) -> _Form:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _compile(self._statement, self._columns, dialect)
        return form


def _compile(statement: ClauseElement, columns: list[str] | None, dialect: Dialect) -> _Form:
    compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
    converters = {}
    for name, parameter in compiled.binds.items():
        converter = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if converter is not None:
            converters[name] = converter
    names = tuple(compiled.positiontup if compiled.positional else compiled.binds)
    return _Form(str(compiled), names, bool(compiled.positional), converters)


@contextmanager
def _cursor(connection: Connection, text: str) -> Iterator[Any]:
    """The driver's own, in the transaction that is open; its errors come as SQLAlchemy's."""
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except sqlite3.Error as why:
        raise DBAPIError.instance(
            text, None, why, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
        ) from why
    finally:
        cursor.close()


def _named(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[Any]:
    make = _row_of(tuple(names))._make
    return [make(row) for row in rows]


@lru_cache(maxsize=64)
def _row_of(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names)


def moment(value: Any) -> datetime:
    """A moment as a driver gives it: SQLite's text without a zone is UTC."""
    found: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Listed:
    """A statement that compares with lists of values: one form for each of `SIZES`, the last value repeated.

    `make` builds the statement for a size; the parameters of the list ``uids`` are ``uids_0``, ``uids_1`` and so on.
    """

    def __init__(self, make: Callable[[int], ClauseElement]) -> None:
        self._forms = {size: Compiled(make(size)) for size in SIZES}

    def run(self, connection: Connection, lists: Mapping[str, Sequence[str]]) -> list[Any]:
        """Execute it. No list is empty or longer than the largest of `SIZES`."""
        longest = max(map(len, lists.values()))
        size = next(size for size in SIZES if longest <= size)
        given = {
            f"{name}_{number}": values[min(number, len(values) - 1)]
            for name, values in lists.items()
            for number in range(size)
        }
        return self._forms[size].run(connection, given)


SIZES = (1, 8, 64)
"""How many values the forms of a list take."""


def listed(name: str, size: int) -> list[BindParameter[Any]]:
    """The parameters of a list, for `in_`."""
    return [bindparam(f"{name}_{number}") for number in range(size)]

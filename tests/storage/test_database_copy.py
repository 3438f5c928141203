"""A database copied into another of the other kind says the same, and goes on counting where it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from keeping import ct, differing, index_of, take_hard_set
from pairs import Embedded, Servers
from sqlalchemy import func, select

from storage.archive import Archive
from storage.database_copy import copy_rows, count_all_rows
from storage.errors import Conflict
from storage.migrations import upgrade
from storage.tables import instance
from storage.verify import verify_audit, verify_figures


@pytest.fixture
def elsewhere(archive: Archive, embedded: Embedded, servers: Servers, tmp_path: Path) -> Iterator[Archive]:
    """An empty place of the other kind."""
    with ExitStack() as stack:
        other = servers if archive.database.embedded else embedded
        opened = stack.enter_context(other.place(tmp_path / "elsewhere")).open()
        upgrade(opened.database)
        yield opened
        opened.close()


def test_every_row_arrives_and_the_next_one_has_a_number_of_its_own(
    archive: Archive, elsewhere: Archive
) -> None:
    take_hard_set(archive)
    told: list[int] = []
    copied = copy_rows(archive.database, elsewhere.database, told.append)
    assert copied == sum(told) == count_all_rows(archive.database) == count_all_rows(elsewhere.database)
    assert differing(index_of(elsewhere), index_of(archive)) == []
    before = last_number(elsewhere)
    ct(elsewhere)
    assert last_number(elsewhere) > before
    assert [*verify_figures(elsewhere), *verify_audit(elsewhere)] == []


def last_number(archive: Archive) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.max(instance.c.id))).scalar_one()


def test_a_database_with_rows_is_not_written_over(archive: Archive, elsewhere: Archive) -> None:
    copy_rows(archive.database, elsewhere.database)
    with pytest.raises(Conflict, match="not empty"):
        copy_rows(archive.database, elsewhere.database)

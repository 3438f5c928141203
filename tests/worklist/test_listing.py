"""The worklist's statements say the same on both databases: filters, words, order, counts."""

from __future__ import annotations

import pytest
from reading_world import World
from sqlalchemy import true, update

from storage.tables import study
from worklist import listing
from worklist.agreements import Priority
from worklist.listing import Filters, View
from worklist.received import StudyFilters, received, received_total
from worklist.transitions import Command


def found(world: World, **filters: object) -> list[str]:
    """The hospitals of the rows, in order."""
    with world.archive.database.read() as connection:
        person, wanted = world.person("dispatcher"), Filters(**filters)  # type: ignore[arg-type]
        rows = listing.rows(connection, person, wanted, 50, 0)
        assert listing.total(connection, person, wanted) == len(rows)
    return [row.study_site for row in rows]


@pytest.fixture
def two(world: World) -> World:
    """A routine study of Kashi and an emergency of Aksu, both to be read; descriptions with what LIKE takes apart."""
    for code, description in (("KASHI", "Thorax 100%_Kontrast"), ("AKSU", "胸部CT平扫 a\\b")):
        row = world.receive(code)
        with world.archive.database.write() as connection:
            connection.execute(update(study).where(study.c.id == row).values(study_description=description))
    world.settle()
    return world


def test_what_presses_most_comes_first(two: World) -> None:
    assert found(two, view=View.QUEUE) == ["AKSU", "KASHI"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"text": "thorax"}, ["KASHI"]),
        ({"text": "THORAX 100%_"}, ["KASHI"]),
        ({"text": "100_"}, []),
        ({"text": "1%0"}, []),
        ({"text": "胸部"}, ["AKSU"]),
        ({"text": "a\\b"}, ["AKSU"]),
        ({"text": "1ct1"}, ["AKSU", "KASHI"]),
        ({"text": "compressedsamples ct1"}, ["AKSU", "KASHI"]),
        ({"modality": "CT"}, ["AKSU", "KASHI"]),
        ({"modality": "C"}, []),
        ({"modality": "_T"}, []),
        ({"priority": Priority.EMERGENCY}, ["AKSU"]),
        ({"site": "KASHI"}, ["KASHI"]),
        ({"view": View.DONE}, []),
        ({"view": View.MINE}, []),
    ],
    ids=str,
)
def test_filters(two: World, filters: dict[str, object], expected: list[str]) -> None:
    assert found(two, **filters) == expected


def test_every_view_is_counted(two: World) -> None:
    with two.archive.database.read() as connection:
        counts = listing.counts(connection, two.person("dispatcher"))
        assert (counts["queue"], counts["open"], counts["done"]) == (2, 2, 0)
        assert set(counts) == set(View)


@pytest.mark.parametrize(("text", "sites"), [("thorax", {"KASHI"}), ("胸部", {"AKSU"}), ("%", {"KASHI"})])
def test_received_studies_are_found_by_their_words(two: World, text: str, sites: set[str]) -> None:
    with two.archive.database.read() as connection:
        wanted = StudyFilters(true(), text=text)
        assert {one.site for one in received(connection, wanted, 50, 0)} == sites
        assert received_total(connection, wanted) == len(sites)


def test_what_is_over_is_listed_newest_first(asked: World) -> None:
    asked.give("referrer", Command.CANCEL, reason_text="nicht nötig")
    assert found(asked, view=View.DONE) == ["KASHI"]

"""What has come to rest is made before anybody asks; what still comes is left alone."""

from __future__ import annotations

from datetime import timedelta

from keeping import ct
from sqlalchemy import func, select

from storage.archive import Archive
from storage.metadata_keeper import MetadataKeeper
from storage.tables import series_metadata


def made(archive: Archive) -> list[int]:
    """How many instances each kept part tells of."""
    with archive.database.read() as connection:
        return list(connection.execute(select(series_metadata.c.instances)).scalars())


def test_what_rests_is_made_once(archive: Archive) -> None:
    keeper = MetadataKeeper(archive, timedelta(0))
    assert keeper.run_once() == 0
    for _ in range(3):
        ct(archive)
    assert keeper.run_once() == 1
    assert made(archive) == [3]
    assert keeper.run_once() == 0
    ct(archive)
    assert keeper.run_once() == 1
    assert made(archive) == [4]


def test_what_still_comes_is_left_alone(archive: Archive) -> None:
    keeper = MetadataKeeper(archive, timedelta(hours=1))
    ct(archive)
    assert keeper.run_once() == 0
    assert made(archive) == []


def test_a_header_that_is_gone_holds_nobody_up(archive: Archive) -> None:
    document = bytes(range(256)) * 512
    lost = ct(archive, StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.1.1", EncapsulatedDocument=document)
    archive.blobs.delete(lost.blob_key)
    ct(archive, StudyInstanceUID="2.25.2", SeriesInstanceUID="2.25.2.1")
    assert MetadataKeeper(archive, timedelta(0)).run_once() == 2
    with archive.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(series_metadata)).scalar_one() == 1

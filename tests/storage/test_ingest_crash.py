"""A crash at each step of taking an instance in leaves at most a blob without a row."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from keeping import file_bytes
from pydicom.data import get_testdata_file
from sqlalchemy import Table, func, select

from storage.archive import Archive, open_archive
from storage.ingest import (
    Outcome,
    Sender,
    ingest_file,
)
from storage.retrieve import instances, read_file
from storage.tables import instance, study

KASHI = Sender("KASHI", "TEST", issuer="KASHI")


def blob_keys(archive: Archive) -> list[str]:
    return [info.key for info in archive.blobs.list("KASHI/")]


def count(archive: Archive, table: Table) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


CRASHING = """
import os, sys
from pathlib import Path
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.database import Database
from storage.ingest import Sender, ingest_file

point, folder, source = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])


class Blobs(FolderBlobs):
    def keep(self, key, spool):
        if point == "before keep":
            os._exit(7)
        super().keep(key, spool)
        if point == "after keep":
            os._exit(7)

    def settle(self, keys):
        super().settle(keys)
        if point == "after settle":
            os._exit(7)


class Index(Database):
    def write(self):
        found = super().write()
        return Dying(found) if point in ("before commit", "after commit") else found


class Dying:
    def __init__(self, found):
        self.found = found

    def __enter__(self):
        return self.found.__enter__()

    def __exit__(self, *why):
        if point == "before commit":
            os._exit(7)
        self.found.__exit__(*why)
        os._exit(7)


archive = Archive(Index(f"sqlite:///{folder / 'farlight.db'}"), Blobs(folder / "blobs"), folder / "blobs/.incoming")
ingest_file(archive, source.read_bytes(), Sender("KASHI", "TEST"))
"""


@pytest.mark.parametrize(
    ("point", "blobs", "rows"),
    [
        ("before keep", 0, 0),
        ("after keep", 1, 0),
        ("after settle", 1, 0),
        ("before commit", 1, 0),
        ("after commit", 1, 1),
    ],
)
def test_a_crash_leaves_at_most_a_blob_without_a_row(
    tmp_path: Path, prepared_database: Path, point: str, blobs: int, rows: int
) -> None:
    shutil.copy(prepared_database, tmp_path / "farlight.db")
    source = str(get_testdata_file("CT_small.dcm"))
    died = subprocess.run([sys.executable, "-c", CRASHING, point, str(tmp_path), source], timeout=60)
    assert died.returncode == 7
    left = open_archive(f"sqlite:///{tmp_path / 'farlight.db'}", f"file://{tmp_path / 'blobs'}", tmp_path)
    assert (len(blob_keys(left)), count(left, instance), count(left, study)) == (blobs, rows, rows)
    assert list(left.incoming.iterdir()) == []
    again = ingest_file(left, file_bytes(), KASHI)
    assert again.outcome is (Outcome.DUPLICATE if rows else Outcome.STORED), "sent again, it is taken"
    with left.database.read() as connection:
        (found,) = instances(connection)
    assert hashlib.sha256(read_file(left, found)).hexdigest() == found.sha256
    left.close()

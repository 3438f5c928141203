"""A disk that is full, a store that is away: refused as `Unavailable`, nothing half-made, well again by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from keeping import changed, ct, sender
from pydicom.uid import generate_uid
from running import free_port
from sqlalchemy import select

from storage.archive import Archive, open_archive
from storage.blobs import FolderBlobs, S3Keys
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_address import parse_s3_url
from storage.errors import Unavailable
from storage.ingest import ingest_file
from storage.sweep import sweep
from storage.tables import instance
from storage.verify import verify_blobs, verify_figures

ATTEMPTS = 40

FILL = """
import json, resource, sys
from pathlib import Path
from storage.archive import open_archive
from storage.errors import Unavailable
from storage.ingest import Sender, ingest_file

folder, limit, *files = sys.argv[1:]
archive = open_archive(f"sqlite:///{folder}/farlight.db", f"file://{folder}/blobs", Path(folder))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
outcomes = []
for file in files:
    try:
        outcomes.append(ingest_file(archive, Path(file).read_bytes(), Sender("KASHI", "TEST", issuer="KASHI")).outcome)
    except Unavailable:
        outcomes.append("UNAVAILABLE")
print(json.dumps(outcomes))
"""
"""Takes files in while no file may grow beyond a limit: to a program, a disk that is full."""


def fill(folder: Path, limit: int, files: list[Path]) -> list[str]:
    command = [sys.executable, "-c", FILL, str(folder), str(limit), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def images(folder: Path, number: int) -> dict[str, Path]:
    """Files of one image each, by UID."""
    folder.mkdir()
    found = {}
    for _ in range(number):
        uid = generate_uid()
        found[str(uid)] = folder / str(uid)
        found[str(uid)].write_bytes(changed(SOPInstanceUID=uid))
    return found


def visible(archive: Archive) -> set[str]:
    with archive.database.read() as connection:
        return set(connection.execute(select(instance.c.sop_instance_uid)).scalars())


@pytest.fixture
def small(tmp_path: Path, prepared_database: Path) -> Path:
    """A folder with the tests' database, closed."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "farlight.db").write_bytes(prepared_database.read_bytes())
    return folder


def opened(folder: Path) -> Archive:
    return open_archive(f"sqlite:///{folder}/farlight.db", f"file://{folder}/blobs", folder)


def test_a_disk_that_has_no_room_for_the_image(small: Path, tmp_path: Path) -> None:
    (path,) = images(tmp_path / "ct", 1).values()
    assert fill(small, path.stat().st_size // 2, [path]) == ["UNAVAILABLE"]
    archive = opened(small)
    assert visible(archive) == set()
    assert list(archive.blobs.list()) == []
    assert [path for path in archive.incoming.rglob("*") if path.is_file()] == []
    assert ingest_file(archive, path.read_bytes(), sender(archive, "KASHI")).outcome == "STORED"
    archive.close()


def test_a_disk_that_fills_while_the_index_grows(small: Path, tmp_path: Path) -> None:
    """The images fit, the rows of some do no longer: those are refused, all others are whole."""
    files = images(tmp_path / "ct", ATTEMPTS)
    outcomes = dict(zip(files, fill(small, 400_000, list(files.values())), strict=True))
    assert set(outcomes.values()) == {"STORED", "UNAVAILABLE"}
    stored = {uid for uid, outcome in outcomes.items() if outcome == "STORED"}
    archive = opened(small)
    assert visible(archive) == stored, "what was acknowledged, and nothing else"
    assert [*verify_blobs(archive), *verify_figures(archive)] == []
    again = {
        ingest_file(archive, path.read_bytes(), sender(archive, "KASHI")).outcome for path in files.values()
    }
    assert "HELD_ASIDE" not in again
    assert visible(archive) == set(files)
    assert [*verify_blobs(archive), *verify_figures(archive)] == []
    archive.close()


def test_the_reserve_is_kept(tmp_path: Path, archive: Archive) -> None:
    """Refused before it is too late; room again, and it is taken."""
    full = Archive(archive.database, FolderBlobs(tmp_path / "full", reserve=1 << 62), tmp_path)
    with pytest.raises(Unavailable, match="nearly full"):
        ct(full)
    assert visible(full) == set()
    assert list(full.blobs.list()) == []


def test_a_database_that_is_away(archive: Archive) -> None:
    """The bytes were kept and not acknowledged: no blob is lost, none is visible, and the next attempt is one row."""
    nobody = f"postgresql://farlight@127.0.0.1:{free_port()}/farlight"
    away = open_archive(nobody, f"file://{archive.incoming}/beside", archive.incoming)
    data = changed(SOPInstanceUID=generate_uid())
    with pytest.raises(Unavailable, match="does not answer"):
        ingest_file(away, data, sender(archive, "KASHI"))
    back = Archive(archive.database, away.blobs, away.incoming)
    assert visible(back) == set()
    assert ingest_file(back, data, sender(archive, "KASHI")).outcome == "STORED"
    sweep(back, grace=timedelta(seconds=-2))
    assert len(visible(back)) == 1
    assert [*verify_blobs(back), *verify_figures(back)] == []
    assert len(list(back.blobs.list("KASHI/"))) == 1
    away.close()


def test_an_object_store_that_is_away(archive: Archive) -> None:
    address = parse_s3_url(f"s3://nowhere?endpoint=http://127.0.0.1:{free_port()}")
    away = S3Blobs(address, S3Keys("nobody", "nothing"), patience_s=0.5)
    with pytest.raises(Unavailable):
        ct(Archive(archive.database, away, archive.incoming))
    assert visible(archive) == set()
    assert [path for path in archive.incoming.rglob("*") if path.is_file()] == []
    assert ct(archive).outcome == "STORED"

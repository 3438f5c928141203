"""The night shift, through the command line: verified, damaged, mended, lost, made again, restored, moved."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pairs import Embedded, Pair, Servers
from place import Place
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import PASSWORD, Client, Program, tool, wait_for
from sqlalchemy import select

from storage.tables import instance

SLICES = 3


def make_study(folder: Path) -> str:
    """A small CT series as files; returns its study UID."""
    folder.mkdir()
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.PatientName, image.PatientID = "Sentinel^Patient", "S3NT1N3L"
    for number in range(1, SLICES + 1):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number
        image.save_as(folder / f"{number}.dcm")
    return str(image.StudyInstanceUID)


def send(program: Program, folder: Path) -> None:
    program.dcmtk("storescu", "-aet", "AKSU_CT", "+sd", str(folder))


def send_and_sign(program: Program, folder: Path) -> str:
    """A study sent, read and signed; the report's id."""
    make_study(folder)
    send(program, folder)
    reader = program.client("reader")
    request = wait_for("the request to appear", lambda: (reader.queue() or [None])[0])
    token = reader.ok(request["id"], "claim")["claim"]["token"]
    content = {"findings": "未见异常。", "impression": "正常。", "technique": "CT", "positivity": "NEGATIVE"}
    version = reader.save(request["id"], token, 0, **content)
    signed = reader.ok(request["id"], "sign", token=token, draft_version=version, password=PASSWORD)
    return str(signed["request"]["report"]["id"])


def pdf_of(client: Client, report_id: str) -> bytes:
    answer = client.get(f"/api/reports/{report_id}/versions/1.pdf")
    assert answer.status_code == 200, answer.text
    return answer.content


def keys_of(place: Place) -> list[str]:
    """The blobs of all instances, by the index."""
    archive = place.open()
    with archive.database.read() as connection:
        found = list(connection.execute(select(instance.c.blob_key).order_by(instance.c.id)).scalars())
    archive.close()
    return found


def copy_blobs(source: Place, target: Place) -> None:
    """What `cp -a`, `rclone copy` or `mc mirror` does: every key with its bytes."""
    one, other = source.open(), target.open()
    for info in one.blobs.list():
        other.blobs.put(info.key, [one.blobs.read(info.key)])
    one.close()
    other.close()


def dump(place: Place, file: Path) -> None:
    """A backup of the database, by its own tool, while the service runs."""
    if place.database_url.startswith("sqlite"):
        database = place.database_url.removeprefix("sqlite:///")
        run(tool("sqlite3"), database, f".backup {file}")
    else:
        run(tool("pg_dump"), "--format=custom", f"--file={file}", place.database_url)


def restore(file: Path, place: Place) -> None:
    if place.database_url.startswith("sqlite"):
        shutil.copy(file, place.database_url.removeprefix("sqlite:///"))
    else:
        run(tool("pg_restore"), f"--dbname={place.database_url}", str(file))


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def second(pair: Pair, tmp_path: Path) -> Iterator[Place]:
    """Another place of the same kind, empty."""
    with pair.place(tmp_path / "second") as place:
        yield place


@pytest.fixture
def grown(embedded: Embedded, servers: Servers, pair: Pair, tmp_path: Path) -> Iterator[Place]:
    """An empty place of the other kind."""
    with ExitStack() as stack:
        other = servers if isinstance(pair, Embedded) else embedded
        yield stack.enter_context(other.place(tmp_path / "grown"))


def test_verify_tells_mends_and_is_satisfied(program: Program, tmp_path: Path) -> None:
    study_uid = make_study(tmp_path / "ct")
    send(program, tmp_path / "ct")
    assert "all is well" in program.farlight("verify").stdout
    archive = program.place.open()
    corrupt, missing, _ = keys_of(program.place)
    data = archive.blobs.read(corrupt)
    archive.blobs.delete(corrupt)
    archive.blobs.put(corrupt, [data[:-1] + bytes([data[-1] ^ 1])])
    archive.blobs.delete(missing)
    with archive.database.write() as connection:
        connection.execute(instance.update().values(rows=7))
    archive.close()

    told = program.farlight("verify", check=False)
    assert told.returncode == 1
    assert "blob corrupt: AKSU study" in told.stdout
    assert "blob missing: AKSU study" in told.stdout
    assert "row differs from its blob" in told.stdout
    assert study_uid in told.stdout
    assert not {"Sentinel", "S3NT1N3L"} & set(f"{told.stdout}{told.stderr}".replace("^", " ").split())
    assert program.farlight("verify", "--site", "KASHI").stdout.startswith("all is well")
    assert program.farlight("verify", "--site", "NOWHERE", check=False).returncode == 1

    mended = program.farlight("verify", "--repair", check=False)
    assert mended.returncode == 1
    assert "mended: row differs from its blob" in mended.stdout
    assert "set aside: have it sent again" in mended.stdout
    send(program, tmp_path / "ct")
    mended = program.farlight("verify", "--repair")
    assert "mended: row differs" in mended.stdout, "of the two whose blobs came back"
    assert "all is well" in program.farlight("verify").stdout


def test_a_backup_made_while_it_runs_is_restored_elsewhere(
    program: Program, second: Place, tmp_path: Path
) -> None:
    """The database first, the blobs after it; then `reindex` adds what came in between."""
    report_id = send_and_sign(program, tmp_path / "before")
    printed = pdf_of(program.client("aksu"), report_id)
    dump(program.place, tmp_path / "dump")
    later_uid = make_study(tmp_path / "later")
    send(program, tmp_path / "later")
    copy_blobs(program.place, second)
    program.kill()

    restore(tmp_path / "dump", second)
    restored = Program(tmp_path, second)
    assert "recorded 3, rows corrected 0" in restored.farlight("reindex").stdout
    assert "recorded 0, rows corrected 0" in restored.farlight("reindex").stdout
    assert "all is well" in restored.farlight("verify").stdout
    restored.start()
    try:
        assert pdf_of(restored.client("aksu"), report_id) == printed
        reader = restored.client("reader")
        row = wait_for("what came after the backup to be asked for", lambda: (reader.queue() or [None])[0])
        assert row["study"]["study_instance_uid"] == later_uid
    finally:
        restored.stop()


def test_a_lost_database_is_made_again_from_the_blobs(
    program: Program, second: Place, tmp_path: Path
) -> None:
    report_id = send_and_sign(program, tmp_path / "before")
    assert report_id
    copy_blobs(program.place, second)
    program.kill()

    again = Program(tmp_path, second)
    again.farlight("db", "upgrade")
    done = again.farlight("reindex").stdout
    assert "recorded 5" in done, "three images, an SR and a PDF"
    assert "no read requests are opened" in done
    assert "all is well" in again.farlight("verify").stdout
    assert "nothing to change" not in again.farlight("network", "apply", "network.toml").stdout, (
        "people are new"
    )
    again.start()
    try:
        client = again.client("aksu")
        series = client.get("/dicom-web/series", params={"ModalitiesInStudy": "CT"}).json()
        modalities = {one["00080060"]["Value"][0] for one in client.get("/dicom-web/series").json()}
        assert {"SR", "DOC"} & modalities, f"the report's documents are in the study: {series}"
        new_uid = make_study(tmp_path / "new")
        send(again, tmp_path / "new")
        reader = again.client("reader")
        queue = wait_for("the new study to be asked for", reader.queue)
        assert [row["study"]["study_instance_uid"] for row in queue] == [new_uid]
    finally:
        again.stop()


def test_moving_to_the_other_kind_of_stores(program: Program, grown: Place, tmp_path: Path) -> None:
    """Stopped, the blobs copied key by key, the database copied row by row: all is there, work and people included."""
    report_id = send_and_sign(program, tmp_path / "before")
    printed = pdf_of(program.client("aksu"), report_id)
    program.stop()
    copy_blobs(program.place, grown)
    assert "copied" in program.farlight("db", "copy", grown.database_url).stdout
    again = program.farlight("db", "copy", grown.database_url, check=False)
    assert (again.returncode, "not empty" in again.stderr) == (1, True)

    moved = Program(tmp_path, grown)
    assert "all is well" in moved.farlight("verify").stdout
    moved.start()
    try:
        assert pdf_of(moved.client("aksu"), report_id) == printed
        make_study(tmp_path / "new")
        send(moved, tmp_path / "new")
        reader = moved.client("reader")
        assert wait_for("the new study to be asked for", reader.queue)
    finally:
        moved.stop()

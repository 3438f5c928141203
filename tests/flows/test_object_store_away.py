"""The object store goes away and comes back: nothing is promised meanwhile, nothing is lost, nobody has to help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from place import Place
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import Client, Program, wait_for
from servers.s3 import ACCESS_KEY, SECRET_KEY, S3Server

from storage.blobs import S3Keys


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Server]:
    with S3Server(tmp_path / "s3") as running:
        yield running


@pytest.fixture
def program(tmp_path: Path, store: S3Server) -> Iterator[Program]:
    data = tmp_path / "data"
    data.mkdir()
    place = Place(
        data, f"sqlite:///{data / 'farlight.db'}", store.url("images"), S3Keys(ACCESS_KEY, SECRET_KEY)
    )
    running = Program(tmp_path, place).prepare().start()
    yield running
    running.kill()


def image(folder: Path, number: int) -> Path:
    """An image of its own study, as a file."""
    made = dcmread(str(get_testdata_file("CT_small.dcm")))
    made.StudyInstanceUID, made.SeriesInstanceUID = generate_uid(), generate_uid()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.save_as(folder / f"{number}.dcm")
    return folder / f"{number}.dcm"


def send(program: Program, file: Path) -> str:
    """What storescu says of it."""
    done = program.dcmtk("storescu", "-v", str(file), check=False)
    return done.stdout + done.stderr


def post(client: Client, file: Path) -> httpx.Response:
    """The same by STOW-RS."""
    part = b"--part\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n--part--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=part'
    return client.post("/sites/KASHI/dicom-web/studies", content=part, headers={"Content-Type": kind})


def test_the_store_goes_and_comes(program: Program, store: S3Server, tmp_path: Path) -> None:
    """Killed here; one that hangs is in `test_outages`."""
    before, meanwhile = image(tmp_path, 1), image(tmp_path, 2)
    assert "Success" in send(program, before)
    technician = program.client("technician")
    study_uid = dcmread(before).StudyInstanceUID

    store.kill_gateway()
    ready = technician.get("/health/ready")
    assert ready.status_code == 503
    assert "S3 store" in ready.text
    assert SECRET_KEY not in ready.text
    posted = post(technician, meanwhile)
    assert posted.status_code == 503
    assert "Retry-After" in posted.headers
    assert technician.get(f"/dicom-web/studies/{study_uid}/metadata").status_code == 200  # from the index
    refused = send(program, meanwhile)
    assert "A700" in refused or "OutOfResources" in refused
    assert technician.get("/api/studies").json()["total"] == 1

    store.start()
    wait_for("the program to be ready", lambda: technician.get("/health/ready").status_code == 200)
    assert "Success" in send(program, meanwhile)
    assert "Success" in send(program, before)
    assert technician.get("/api/studies").json()["total"] == 2
    for file in (before, meanwhile):
        sent = dcmread(file)
        url = f"/dicom-web/studies/{sent.StudyInstanceUID}/series/{sent.SeriesInstanceUID}/instances"
        frame = technician.get(f"{url}/{sent.SOPInstanceUID}/frames/1")
        assert sent.PixelData in frame.content

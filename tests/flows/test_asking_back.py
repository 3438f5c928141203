"""N of M by asking back: the hospital's archive is Orthanc, and it is asked over the wire what it has."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pairs import Pair
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import Program, free_port, tool, wait_for

IMAGES, SENT = 8, 5


@contextmanager
def orthanc(folder: Path, port: int) -> Iterator[None]:
    """An archive called KASHI_PACS that lets FARLIGHT ask."""
    folder.mkdir()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomPort": port,
        "HttpPort": free_port(),
        "DicomAet": "KASHI_PACS",
        "DicomAlwaysAllowStore": True,
        "DicomModalities": {"farlight": ["FARLIGHT", "127.0.0.1", free_port()]},
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        command = [tool("Orthanc"), str(folder / "orthanc.json")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        echo = [tool("echoscu"), "-aec", "KASHI_PACS", "127.0.0.1", str(port)]
        wait_for("Orthanc", lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def asking(tmp_path: Path, pair: Pair) -> Iterator[Program]:
    """The program, with a node of Kashi that may be asked."""
    with pair.place(tmp_path / "data") as place:
        running = Program(tmp_path, place, FARLIGHT_QUIET_SECONDS="2").prepare()
        network = tmp_path / "network.toml"
        declared = network.read_text().replace('issuer = "KASHI"\n', 'issuer = "KASHI"\nqueryable = true\n')
        network.write_text(declared)
        running.farlight("network", "apply", str(network))
        with orthanc(tmp_path / "orthanc", running.pacs_port):
            yield running.start()
        running.stop()


def make_images(folder: Path) -> list[Path]:
    folder.mkdir()
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.StudyInstanceUID, image.PatientID = generate_uid(), "ASKED-BACK"
    made = []
    for number in range(IMAGES):
        if number in (0, 6):
            image.SeriesInstanceUID = generate_uid()
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        made.append(folder / f"{number}.dcm")
        image.save_as(made[-1])
    return made


def test_five_of_eight_until_the_rest_came(asking: Program, tmp_path: Path) -> None:
    images = [str(path) for path in make_images(tmp_path / "images")]
    to_archive = [tool("storescu"), "-aec", "KASHI_PACS", "127.0.0.1", str(asking.pacs_port), *images]
    subprocess.run(to_archive, check=True, capture_output=True)
    technician, reader = asking.client("technician"), asking.client("reader")

    def seen() -> tuple[int, int | None, str]:
        (item,) = technician.get("/api/studies").json()["items"]
        count = item["completeness"]
        return count["received"], count["expected"], count["state"]

    asking.dcmtk("storescu", *images[:SENT])
    wait_for("5 of 8", lambda: seen() == (SENT, IMAGES, "INCOMPLETE"))
    assert reader.queue() == [], "a study that lacks images waits for them"
    asking.dcmtk("storescu", *images[SENT:])
    wait_for("8 of 8", lambda: seen() == (IMAGES, IMAGES, "COMPLETE"))
    wait_for("the request", reader.queue)
    (item,) = technician.get("/api/studies").json()["items"]
    (evidence,) = [one for one in item["completeness"]["evidence"] if one["source"] == "SENDER"]
    assert (evidence["who"], evidence["instances"]) == ("KASHI_PACS", IMAGES)

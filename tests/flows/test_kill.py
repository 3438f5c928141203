"""Power cuts: SIGKILL at random points of a send. What was answered Success is there, whole and once."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pairs import Pair
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import Program, tool
from sqlalchemy import select

from storage.retrieve import instances, read_file
from storage.tables import instance, study

ROUNDS = int(os.environ.get("FARLIGHT_TEST_KILL_ROUNDS", "10"))
IMAGES = 24
SENDERS = 3


@pytest.fixture
def node(tmp_path: Path, pair: Pair) -> Iterator[Program]:
    with pair.place(tmp_path / "data") as place:
        program = Program(tmp_path, place).prepare()
        yield program
        program.kill()


def make_images(folder: Path) -> dict[str, bytes]:
    """One series as files; each image has pixels of its own, so that a mixed-up file would show. UID to pixels."""
    folder.mkdir()
    study_uid, series_uid = generate_uid(), generate_uid()
    pixels = {}
    for number in range(IMAGES):
        image = dcmread(str(get_testdata_file("CT_small.dcm")))
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        image.PixelData = random.Random(image.SOPInstanceUID).randbytes(len(image.PixelData))
        pixels[str(image.SOPInstanceUID)] = image.PixelData
        image.save_as(folder / str(image.SOPInstanceUID))
    return pixels


class Sender:
    """A storescu that sends some of a folder's files; tells which were answered Success."""

    def __init__(self, program: Program, files: list[Path]) -> None:
        command = [tool("storescu"), "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT"]
        command += ["127.0.0.1", str(program.dicom_port), *map(str, files)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def acknowledged(self) -> set[str]:
        """Wait for its end; the UIDs, which are the files' names, that were answered Success."""
        output, _ = self.process.communicate(timeout=60)
        found, current = set(), ""
        for line in output.splitlines():
            if "Sending file: " in line:
                current = line.rpartition("/")[2].strip()
            elif "Received Store Response (Success)" in line:
                found.add(current)
            assert "Received Store Response (Refused" not in line, line
        return found


def send_from_all(program: Program, folder: Path) -> list[Sender]:
    files = sorted(folder.iterdir())
    return [Sender(program, files[n::SENDERS]) for n in range(SENDERS)]


def acknowledged_by(senders: list[Sender]) -> set[str]:
    return set[str]().union(*(sender.acknowledged() for sender in senders))


def test_a_success_survives_any_moment_of_a_kill(node: Program, tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    acknowledged_in_all = 0
    for number in range(ROUNDS):
        pixels = make_images(tmp_path / f"round{number}")
        node.start("serve", "--role", "node")
        senders = send_from_all(node, tmp_path / f"round{number}")
        time.sleep(chance.uniform(0.02, 0.7))
        node.kill()
        acknowledged = acknowledged_by(senders)
        acknowledged_in_all += len(acknowledged)
        check(node, pixels, acknowledged)
    assert 0 < acknowledged_in_all < ROUNDS * IMAGES, f"the cuts fell in mid-send (seed {seed})"

    node.start("serve", "--role", "node")
    for number in range(ROUNDS):
        folder = tmp_path / f"round{number}"
        assert len(acknowledged_by(send_from_all(node, folder))) == IMAGES, "sent again, everything is taken"
        pixels = {path.name: dcmread(path).PixelData for path in folder.iterdir()}
        check(node, pixels, acknowledged=set(pixels))


def check(program: Program, pixels: dict[str, bytes], acknowledged: set[str]) -> None:
    """Whatever is visible is whole and there once; whatever was acknowledged is visible; counts agree with rows."""
    archive = program.place.open()
    with archive.database.read() as connection:
        visible = instances(connection, instance.c.sop_instance_uid.in_(list(pixels)))
        query = select(study).where(
            study.c.study_instance_uid.in_({found.study_instance_uid for found in visible})
        )
        counted = sum(row.number_of_study_related_instances for row in connection.execute(query))
    uids = [found.sop_instance_uid for found in visible]
    assert len(uids) == len(set(uids)) == counted
    assert acknowledged <= set(uids), f"lost: {acknowledged - set(uids)}"
    for found in visible:
        content = read_file(archive, found)
        assert hashlib.sha256(content).hexdigest() == found.sha256
        assert pixels[found.sop_instance_uid] in content
    archive.close()

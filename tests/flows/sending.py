"""Many senders at once, each image sent once; who was answered what, and whether the archive keeps its word."""

from __future__ import annotations

import hashlib
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from place import Place
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import Client, Program, tool, wait_for
from sqlalchemy import func, select

from storage.retrieve import instances, read_file
from storage.tables import held_aside, instance, study

SENDERS = 8
SUCCESS = "Success"


@dataclass(frozen=True)
class Batch:
    """Images of one study as files named by their UID: those for storescu, those for STOW-RS, and the pixels of all."""

    stored: tuple[Path, ...]
    posted: tuple[Path, ...]
    pixels: Mapping[str, bytes]


def make_batch(folder: Path, each: int, *, posted: int = 0) -> Batch:
    """`each` images for each storescu and some to post; pixels of their own, so that a mixed-up file would show."""
    folder.mkdir()
    study_uid, series_uid = generate_uid(), generate_uid()
    pixels = {}
    for number in range(SENDERS * each + posted):
        image = _image()
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        image.PixelData = random.Random(image.SOPInstanceUID).randbytes(len(image.PixelData))
        pixels[str(image.SOPInstanceUID)] = image.PixelData
        image.save_as(folder / str(image.SOPInstanceUID))
    files = tuple(folder / uid for uid in pixels)
    return Batch(files[posted:], files[:posted], pixels)


@cache
def _image() -> Dataset:
    return dcmread(str(get_testdata_file("CT_small.dcm")))


class StoreScu:
    """One storescu with some files; `answers` tells what each was answered, by UID, as the answers come."""

    def __init__(self, program: Program, files: Sequence[Path]) -> None:
        command = [tool("storescu"), "-v", "--no-halt", "-aet", "KASHI_PACS", "-aec", "FARLIGHT"]
        command += ["127.0.0.1", str(program.dicom_port), *map(str, files)]
        self.answers: dict[str, str] = {}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def ended(self, within_s: float) -> bool:
        """Wait for its end; whether it came."""
        self._reading.join(within_s)
        return not self._reading.is_alive()

    def _read(self) -> None:
        current = ""
        assert self._process.stdout is not None
        with self._process, self._process.stdout as output:
            for line in output:
                if "Sending file: " in line:
                    current = line.rpartition("/")[2].strip()
                elif "Received Store Response (" in line:
                    self.answers[current] = line.partition("Response (")[2].partition(")")[0]


class Poster:
    """Posts some files by STOW-RS, one after the other, in a thread of its own; `answers` as of `StoreScu`."""

    def __init__(self, client: Client, files: Sequence[Path]) -> None:
        self.answers: dict[str, str] = {}
        self._client, self._files = client, files
        self._thread = threading.Thread(target=self._post, daemon=True)
        self._thread.start()

    def ended(self, within_s: float) -> bool:
        """Wait for its end; whether it came."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _post(self) -> None:
        for file in self._files:
            try:
                answer = post(self._client, file)
            except httpx.HTTPError:
                continue  # cut off: nothing was promised
            self.answers[file.name] = SUCCESS if answer.is_success else str(answer.status_code)


def post(client: Client, file: Path) -> httpx.Response:
    """One file by STOW-RS."""
    part = b"--part\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n--part--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=part'
    return client.post("/sites/KASHI/dicom-web/studies", content=part, headers={"Content-Type": kind})


class Throng:
    """Eight storescu at once, and whoever posts."""

    def __init__(self, program: Program, batches: Iterable[Batch], client: Client) -> None:
        given = list(batches)
        stored = [file for batch in given for file in batch.stored]
        posted = [file for batch in given for file in batch.posted]
        self._storing = [StoreScu(program, stored[n::SENDERS]) for n in range(SENDERS)]
        self._all = [*self._storing, Poster(client, posted)]

    def until(self, acknowledged: int) -> None:
        """Wait until so many have been acknowledged."""
        wait_for(f"{acknowledged} to be taken", lambda: len(self.taken()) >= acknowledged, 120, every_s=0.005)

    def taken(self) -> set[str]:
        """UIDs that have been answered Success."""
        return {uid for one in self._all for uid, answer in [*one.answers.items()] if answer == SUCCESS}

    def end(self, within_s: float = 300) -> set[str]:
        """Wait for the end of all; UIDs that were answered Success."""
        assert all(one.ended(within_s) for one in self._all), "a sender waits without end"
        return self.taken()

    def answers(self) -> Counter[str]:
        """What was answered how often."""
        return Counter(answer for one in self._all for answer in one.answers.values())


def check(place: Place, batch: Batch, acknowledged: set[str]) -> None:
    """Whatever is visible is whole and there once; whatever was acknowledged is visible; counts agree with rows."""
    archive = place.open()
    try:
        with archive.database.read() as connection:
            visible = instances(connection, instance.c.sop_instance_uid.in_(list(batch.pixels)))
            studies = {found.study_instance_uid for found in visible}
            counted = connection.execute(
                select(func.sum(study.c.number_of_study_related_instances)).where(
                    study.c.study_instance_uid.in_(studies)
                )
            ).scalar_one()
            aside = connection.execute(
                select(func.count()).where(held_aside.c.sop_instance_uid.in_(list(batch.pixels)))
            ).scalar_one()
        uids = [found.sop_instance_uid for found in visible]
        assert aside == 0, "something came to be held aside"
        assert len(uids) == len(set(uids)) == (counted or 0)
        assert acknowledged <= set(uids), f"lost: {acknowledged - set(uids)}"
        for found in visible:
            content = read_file(archive, found)
            assert hashlib.sha256(content).hexdigest() == found.sha256
            assert batch.pixels[found.sop_instance_uid] in content
    finally:
        archive.close()

"""Series to send: written once into memory, so that reading them costs nobody anything."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from bench.servers import NAGLE_OFF, Server

_IN_MEMORY = Path("/dev/shm")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory, or wherever temporary files are."""
    with TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def write_series(folder: Path, images: int, pixels: int, parts: int) -> list[Path]:
    """A CT series of square images, in `parts` folders; each image has pixels of its own."""
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.Rows = image.Columns = pixels
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    if pixels < 64:
        _keep_essentials(image)
    noise = np.random.default_rng(0).integers(0, 4096, pixels * pixels, np.uint16)
    folders = [folder / f"part{number}" for number in range(parts)]
    for part in folders:
        part.mkdir(parents=True)
    for number in range(images):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        image.PixelData = np.roll(noise, number).tobytes()
        image.save_as(folders[number % parts] / f"{number:05}.dcm")
    return folders


def _keep_essentials(image: Dataset) -> None:
    """A small instance: without the sequences and private elements of the test file."""
    for element in list(image):
        if element.VR == "SQ" or element.tag.is_private or element.tag.group in (0x0040, 0xFFFC):
            del image[element.tag]


def send(server: Server, folders: list[Path]) -> None:
    """One storescu, one association, for each folder, all at once."""
    senders = [
        subprocess.Popen(
            [
                "storescu",
                "-aet",
                "BENCH",
                "-aec",
                "FARLIGHT",
                "+sd",
                "127.0.0.1",
                str(server.port),
                str(folder),
            ],
            env=NAGLE_OFF,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for folder in folders
    ]
    for sender in senders:
        _, errors = sender.communicate()
        if sender.returncode:
            raise SystemExit(f"storescu failed against {server.name}: {errors.decode()}")

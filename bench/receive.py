"""Receiving a CT series over one association: Farlight (bytes and index durable) beside DCMTK's storescp (files)."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from bench.compare import Row, in_turn

NETWORK = """
[[site]]
code = "BENCH"
name = "Bench"
level = "county"
[[node]]
site = "BENCH"
ae_title = "*"
host = "127.0.0.1"
"""

NAGLE_OFF = {**os.environ, "TCP_NODELAY": "1"}  # DCMTK's own switch; small packets would wait 40 ms each


def measure(folder: Path, images: int, rounds: int) -> list[Row]:
    """Every round sends a series that neither has seen."""
    series = iter([_series(folder / f"series{n}", images) for n in range(2 * (rounds + 1))])
    with _farlight(folder) as our_port, _storescp(folder) as their_port:
        return [
            in_turn(
                f"receive CT {images} x 512 KiB, 1 association",
                "DCMTK storescp",
                images,
                "images/s",
                rounds,
                lambda: _send(next(series), our_port),
                lambda: _send(next(series), their_port),
            )
        ]


def _series(folder: Path, images: int) -> Path:
    folder.mkdir()
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.Rows = image.Columns = 512
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    noise = np.random.default_rng(0).integers(0, 4096, 512 * 512, np.uint16)
    for number in range(images):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        image.PixelData = np.roll(noise, number).tobytes()
        image.save_as(folder / f"{number:04}.dcm")
    return folder


def _send(folder: Path, port: int) -> None:
    command = ["storescu", "-aet", "BENCH", "-aec", "FARLIGHT", "+sd", "127.0.0.1", str(port), str(folder)]
    subprocess.run(command, check=True, env=NAGLE_OFF, capture_output=True)


@contextmanager
def _farlight(folder: Path) -> Iterator[int]:
    port = _free_port()
    settings = {"DATA": str(folder / "data"), "DICOM_PORT": str(port), "DICOM_HOST": "127.0.0.1"}
    environment = {**os.environ, **{f"FARLIGHT_{key}": value for key, value in settings.items()}}
    (folder / "network.toml").write_text(NETWORK)
    for arguments in (("db", "upgrade"), ("network", "apply", str(folder / "network.toml"))):
        subprocess.run(
            [sys.executable, "-m", "farlight", *arguments], env=environment, check=True, capture_output=True
        )
    command = [sys.executable, "-m", "farlight", "serve", "--role", "node"]
    with _running(command, port, environment):
        yield port


@contextmanager
def _storescp(folder: Path) -> Iterator[int]:
    port, received = _free_port(), folder / "received"
    received.mkdir()
    with _running([shutil.which("storescp") or "storescp", "-od", str(received), str(port)], port, NAGLE_OFF):
        yield port


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

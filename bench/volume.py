"""``python -m bench --only volume``: a CT series of 400 x 512 x 512 as MPR and in 3-D, over HTTP.

First pictures are those of series that nobody has looked at yet, once for each encoding of the slices; the next ones
come from the volume in memory, each at another place, so that none is answered by a cache of pictures. Nobody else
renders volumes, so there is no peer: what counts is the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, JPEGLosslessSV1, JPEGLSLossless, generate_uid

from bench.series import scratch
from bench.web_load import Connection
from bench.web_servers import SITE, WebServer, command, farlight_web

_SPACING_MM, _SLICE_MM = 0.7, 1.0
_ENCODERS: dict[str, tuple[str, Callable[[NDArray[np.uint16]], bytes] | None]] = {
    "native": (ExplicitVRLittleEndian, None),
    "JPEG lossless": (JPEGLosslessSV1, imagecodecs.ljpeg_encode),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "HTJ2K": (HTJ2KLossless, imagecodecs.htj2k_encode),
}
_NEXT = {
    "coronal": "renderedmpr?orientation=a&mproffset={0}",
    "sagittal": "renderedmpr?orientation=l&mproffset={0}",
    "axial": "renderedmpr?orientation=f&mproffset={0}",
    "coronal MIP of 20 mm": "renderedmpr?orientation=a&mprslab=20&renderingmethod=maximum_ip&mproffset={0}",
    "oblique": "renderedmpr?viewpointposition=0,-300,80&viewpointlookat=0,{0},-20&viewpointup=0,0,1",
    "MIP from an angle": "rendered3d?renderingmethod=maximum_ip&viewpointposition=200,-300,80&viewpointlookat=0,{0},0",
    "bone from an angle": "rendered3d?preset=ct-bone&viewpointposition=200,-300,80&viewpointlookat=0,{0},0",
}


@dataclass(frozen=True)
class Effort:
    """How much of everything."""

    slices: int = 400
    pixels: int = 512
    pictures: int = 15
    rounds: int = 3


SHORT = Effort(slices=12, pixels=64, pictures=2, rounds=1)
"""Shows in seconds that it works."""


def measure(folder: Path, effort: Effort) -> str:
    """The table, in Markdown: wall-clock ms of a request, and ms of the program's processors."""
    lines = ["| picture | median ms | most ms | processor ms |", "|---|---|---|---|"]
    with farlight_web(folder / "farlight", 40) as server, scratch() as made:
        last = ""
        for name in _ENCODERS:
            sent = [_sent(made, server, effort, name) for _ in range(effort.rounds)]
            lines.append(_line(f"first coronal, {name}", server, [f"{each}/renderedmpr" for each in sent]))
            last = sent[-1]
        for name, question in _NEXT.items():
            asked = [f"{last}/{question.format(1.3 * number)}" for number in range(effort.pictures + 1)]
            lines.append(_line(f"next, {name}", server, asked[1:], before=asked[0]))
    return "\n".join(lines)


def _line(name: str, server: WebServer, paths: list[str], before: str = "") -> str:
    """All over one connection, which one process answers; `before` is asked first, and not counted."""
    connection, seconds = Connection(server.target), []
    if before:
        connection.get(before, "image/jpeg")
    cpu_s = server.web_cpu_s()
    for path in paths:
        begun = time.perf_counter()
        connection.get(path, "image/jpeg")
        seconds.append(time.perf_counter() - begun)
    spent = (server.web_cpu_s() - cpu_s) / len(paths)
    connection.close()
    return f"| {name} | {1e3 * median(seconds):.0f} | {1e3 * max(seconds):.0f} | {1e3 * spent:.0f} |"


def _sent(made: Path, server: WebServer, effort: Effort, encoding: str) -> str:
    """A new series, imported; its address."""
    folder = made / generate_uid()
    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    for index in range(effort.slices):
        image = _slice(effort, index, encoding)
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.save_as(folder / f"{index:05}.dcm")
    command(server.environment, "import", str(folder), "--site", SITE)
    for path in folder.iterdir():
        path.unlink()
    return f"/studies/{study}/series/{series}"


def _slice(effort: Effort, index: int, encoding: str) -> Dataset:
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    syntax, encode = _ENCODERS[encoding]
    pixels = _body(effort, index)
    image.Rows = image.Columns = effort.pixels
    image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
    image.PixelSpacing = [_SPACING_MM, _SPACING_MM]
    corner = -effort.pixels / 2 * _SPACING_MM
    image.ImagePositionPatient = [corner, corner, (index - effort.slices / 2) * _SLICE_MM]
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.InstanceNumber = index + 1
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = pixels.tobytes() if encode is None else encapsulate([encode(pixels)])
    image["PixelData"].is_undefined_length = encode is not None
    return image


def _body(effort: Effort, index: int) -> NDArray[np.uint16]:
    """A trunk of soft tissue with a spine and ribs of bone, in air, with the noise of a scanner; stored values are HU
    and 1024."""
    side = np.linspace(-1, 1, effort.pixels)
    x, y = np.meshgrid(side, side)
    z = index / effort.slices
    trunk = x**2 / 0.8 + y**2 / 0.35
    hu = np.where(trunk < 1, 40.0, -1000.0)
    hu[(np.abs(trunk - 0.85) < 0.04) & (np.sin(60 * z) > 0.2)] = 700
    hu[x**2 + (y - 0.35) ** 2 < 0.012] = 500
    noise = np.random.default_rng(index % 16).normal(0, 12, hu.shape)
    return np.clip(hu + noise + 1024, 0, 4095).astype(np.uint16)

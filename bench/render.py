"""A stored CT slice as a JPEG: our pipeline in one process beside DCMTK's dcmj2pnm, one process a picture."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pydicom import FileDataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from bench.compare import Row, in_turn, timed
from viewer_api.render import RenderOptions, Window, render_frame

FILES = {"native": "CT_small.dcm", "JPEG lossless": "JPEG-LL.dcm", "RLE": "MR_small_RLE.dcm"}


def measure(folder: Path, frames: int, rounds: int) -> list[Row]:
    """Small pictures: the figure is the way round, not the codec."""
    return [_row(folder, name, str(get_testdata_file(file)), frames, rounds) for name, file in FILES.items()]


def _row(folder: Path, name: str, path: str, frames: int, rounds: int) -> Row:
    dataset = dcmread(path)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    frame = _first_frame(dataset)
    del dataset.PixelData
    options = RenderOptions(window=Window(40, 400))

    def ours() -> None:
        for _ in range(frames):
            render_frame(dataset, frame, transfer_syntax_uid=syntax, frame_number=1, options=options)

    def theirs() -> None:
        for _ in range(frames):
            command = ["dcmj2pnm", "+oj", "+Ww", "40", "400", path, str(folder / "out.jpg")]
            subprocess.run(command, check=True, capture_output=True)

    return in_turn(
        f"render {name} to JPEG",
        frames,
        "pictures/s",
        rounds,
        lambda _number: timed(ours),
        {"dcmj2pnm, a process each": lambda _number: timed(theirs)},
    )


def _first_frame(dataset: FileDataset) -> bytes:
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return next(generate_frames(dataset.PixelData, number_of_frames=1))
    return bytes(dataset.PixelData)

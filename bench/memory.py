"""Memory while large objects arrive: eight multi-frame objects of 150 MB at once, above what the server holds idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from bench.series import scratch, send
from bench.servers import Server, farlight, orthanc

_MULTI_FRAME_GREYSCALE_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
_FRAME = 512 * 512 * 2
_LOOK_EVERY_S = 0.02


def measure(folder: Path, objects: int, frames: int) -> str:
    """A table in Markdown: the most memory above idle, in MB (2^20 bytes)."""
    with scratch() as made:
        all_at_once = [_write_object(made / str(number), frames) for number in range(objects)]
        size = frames * _FRAME >> 20
        lines = ["| work | server | idle MB | above idle MB |", "|---|---|---|---|"]
        with farlight(folder / "farlight") as ours:
            lines.append(_line(f"receive {objects} x {size} MB at once", ours, all_at_once))
        with orthanc(folder / "orthanc") as theirs:
            lines.append(_line(f"receive 1 x {size} MB", theirs, all_at_once[:1]))
            lines.append(_line(f"receive {objects} x {size} MB at once", theirs, all_at_once))
    return "\n".join(lines)


def _line(name: str, server: Server, folders: list[Path]) -> str:
    idle = _idle(server)
    with _peak_of(server) as peak:
        send(server, folders)
    return f"| {name} | {server.name} | {idle >> 20} | {(peak[0] - idle) >> 20} |"


def _idle(server: Server) -> int:
    """What is resident once it grows no more: processes that listen may still be starting."""
    before, now = 0, server.resident_bytes()
    while abs(now - before) > 1 << 20:
        time.sleep(1)
        before, now = now, server.resident_bytes()
    return now


@contextmanager
def _peak_of(server: Server) -> Iterator[list[int]]:
    """The most that was resident within the block, sampled; good once the block has ended."""
    peak, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            peak[0] = max(peak[0], server.resident_bytes())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def _write_object(folder: Path, frames: int) -> Path:
    """One multi-frame object of pixels that do not compress, in a folder of its own."""
    folder.mkdir()
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = _MULTI_FRAME_GREYSCALE_WORD
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.Rows = image.Columns = 512
    image.NumberOfFrames = frames
    image.PixelData = bytes(range(256)) * (frames * _FRAME // 256)
    image.save_as(folder / "object.dcm")
    return folder

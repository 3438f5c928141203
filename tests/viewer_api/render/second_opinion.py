"""Stored values and pictures by programs that share no decoder with ours, or at least no build of it."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import openjpeg
from file_frames import FileFrames
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pydicom_images import taken_apart

_DCMTK = {
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 53, 55, 57, 70)), "dcmdjpeg"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{each}" for each in (80, 81)), "dcmdjpls"),
    "1.2.840.10008.1.2.5": "dcmdrle",
}
_J2K = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (90, 91))
_HTJ2K = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (201, 202, 203))


def second_decoder(transfer_syntax_uid: str) -> str:
    """Who else decodes this transfer syntax."""
    if transfer_syntax_uid in _DCMTK:
        return f"DCMTK {_DCMTK[transfer_syntax_uid]}"
    if transfer_syntax_uid in _J2K | _HTJ2K:
        return "GDCM" if transfer_syntax_uid in _J2K else "pylibjpeg-openjpeg"
    return "pydicom"


class Refused(Exception):
    """A program does not read or show the file; what it says of it."""


def stored_elsewhere(path: Path, image: FileFrames, folder: Path, frame_number: int = 1) -> np.ndarray:
    """Stored values of a frame as the second decoder has them, colour as RGB; raises `Refused`."""
    tool = _DCMTK.get(image.transfer_syntax_uid)
    if image.transfer_syntax_uid in _HTJ2K:
        return _by_openjpeg(image, frame_number)
    if image.transfer_syntax_uid in _J2K:
        return _by_gdcm(path, frame_number)
    if tool is None:
        return _by_pydicom(path, image, frame_number, "")
    native = folder / "native.dcm"
    done = subprocess.run([_found(tool), "-q", str(path), str(native)], timeout=60, capture_output=True)
    return _by_pydicom(path if done.returncode else native, image, frame_number, "")


def _by_openjpeg(image: FileFrames, frame_number: int) -> np.ndarray:
    """pydicom's plugin for this library reads no HTJ2K."""
    return openjpeg.decode(image.frames[frame_number - 1][0])


@lru_cache(maxsize=1)
def _by_gdcm(path: Path, frame_number: int) -> np.ndarray:
    """Kept for when DCMTK is to show the same pixels: large JPEG 2000 frames take their time."""
    return _by_pydicom(path, taken_apart(path), frame_number, "gdcm")


def _by_pydicom(path: Path, image: FileFrames, frame_number: int, plugin: str) -> np.ndarray:
    dataset = dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = image.transfer_syntax_uid
    if len(image.frames) == 1:
        dataset.NumberOfFrames = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pixel_array(dataset, index=frame_number - 1, decoding_plugin=plugin)
    except (RuntimeError, NotImplementedError) as why:
        raise Refused("pydicom does not read it") from why


def shown_elsewhere(path: Path, image: FileFrames, folder: Path, *options: str) -> np.ndarray:
    """The first frame as DCMTK's dcmj2pnm shows it, `(rows, columns[, 3])`; `options` pick the window; raises
    `Refused`. What it has no decoder for, it gets with the pixels of the second decoder.
    """
    syntax = image.transfer_syntax_uid
    tool = "dcml2pnm" if syntax.endswith((".4.80", ".4.81")) else "dcmj2pnm"
    if syntax in _J2K | _HTJ2K:
        path = _native_file(path, image, folder)
    target = folder / "dcmtk.pnm"
    command = [_found(tool), "-q", *options, "+op", str(path), str(target)]
    done = subprocess.run(command, timeout=60, capture_output=True)
    if done.returncode or not target.exists():
        raise Refused(f"DCMTK refuses it: {_reason(done.stderr.decode('utf-8', 'replace'))}")
    with Image.open(target) as opened:
        return np.asarray(opened).astype(int)


def _reason(told: str) -> str:
    """The first thing that was said, without paths."""
    return next(iter(told.splitlines()), "").removeprefix("F: ").split(": reading file")[0].strip().lower()


def _native_file(path: Path, image: FileFrames, folder: Path) -> Path:
    values = stored_elsewhere(path, image, folder)
    whole = Dataset()
    whole.update(image.header)
    whole.file_meta = image.header.file_meta.copy()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.file_meta.MediaStorageSOPInstanceUID = whole.SOPInstanceUID = generate_uid()
    whole.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    whole["PixelData"].VR = "OW" if values.itemsize > 1 else "OB"
    whole.NumberOfFrames = 1
    if values.ndim == 3:
        whole.PhotometricInterpretation, whole.PlanarConfiguration = "RGB", 0
    native = folder / "second.dcm"
    whole.save_as(native, enforce_file_format=True)
    return native


def _found(tool: str) -> str:
    found = shutil.which(tool)
    assert found, "these tests need the DCMTK tools"
    return found

"""Slices that look like some: noise alone compresses like nothing that a scanner sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid


def phantom(number: int, pixels: int) -> NDArray[Any]:
    """A round body with organs and the noise of a scanner, 12 bits, uint16 `(pixels, pixels)`."""
    y, x = np.mgrid[-1 : 1 : pixels * 1j, -1 : 1 : pixels * 1j]
    body = np.where(x * x + y * y * 1.4 < 0.8, 1000 + 200 * np.sin(5 * x + number / 9) * np.cos(7 * y), 20)
    noisy = body + np.random.default_rng(number).normal(0, 12, body.shape) * (body > 100)
    return np.clip(noisy, 0, 4095).astype(np.uint16)


def write_phantoms(folder: Path, images: int, pixels: int) -> list[Path]:
    """A CT series of such slices; each file's path."""
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.Rows = image.Columns = pixels
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.PixelRepresentation = 0
    folder.mkdir(parents=True)
    paths = [folder / f"{number:05}.dcm" for number in range(images)]
    for number, path in enumerate(paths):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        image.PixelData = phantom(number, pixels).tobytes()
        image.save_as(path)
    return paths

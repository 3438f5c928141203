"""Chest films, from the front (PA) and from the side, projected through the same torso."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import DigitalXRayImageStorageForPresentation

from farlight.demo.studies.dataset import Exam, SeriesFacts, code, new_instance, set_grey_pixels
from farlight.demo.studies.grid import Array, lattice, refine
from farlight.demo.studies.noise import grain
from farlight.demo.studies.patient import AKSU, WANG
from farlight.demo.studies.projection import (
    SOURCE_TO_DETECTOR_MM,
    attenuation,
    perspective,
    torso_for_projection,
)

PLATE_MM = 422.0
_CENTRAL_RAY_Z = 28.0


@dataclass(frozen=True)
class View:
    """One film: how it is called, which way it is seen, and its code."""

    number: int
    position: str
    description: str
    orientation: tuple[str, str]
    code: tuple[str, str]
    time: str


PA = View(1, "PA", "胸部正位 Chest PA", ("L", "F"), ("399348003", "postero-anterior"), "093512")
LATERAL = View(2, "LL", "胸部侧位 Chest lateral", ("P", "F"), ("399173006", "left lateral"), "093640")


def film_exam(today: date) -> Exam:
    """This morning's films; the text is in GB18030, as many a device here sends it."""
    description = "DR胸部正侧位 DR chest PA and lateral"
    exam = ("AS26112000067", description, "CHEST", "Chen^Jing=陈^静")
    return Exam("dx-chest", WANG, AKSU, today, "093100", *exam, charset="GB18030")


def chest_xray(exam: Exam, matrix: int = 1760) -> Iterator[FileDataset]:
    """The two films, each a series of one image."""
    grid, hu = torso_for_projection(matrix)
    mu = attenuation(hu)
    across, up = grid.x, grid.z - np.float32(_CENTRAL_RAY_Z)
    plate = _plate(matrix // 2 + 1)
    front = perspective(np.ascontiguousarray(mu.transpose(1, 0, 2)), grid.y + 130, (up, across), plate)
    yield _film(exam, PA, _developed(front, matrix, seed=1), matrix)
    groups = len(grid.x) // 2
    sideways = mu[:, :, : groups * 2].reshape(*mu.shape[:2], groups, 2).mean(axis=3)
    depth = 225 - grid.x[1 : groups * 2 : 2]
    side = perspective(np.ascontiguousarray(sideways.transpose(2, 0, 1)), depth, (up, grid.y), plate)
    yield _film(exam, LATERAL, _developed(side, matrix, seed=2), matrix)


def _plate(count: int) -> tuple[Array, Array]:
    """Rows from the head down and columns, mm from the central ray."""
    half = np.float32(PLATE_MM / 2)
    columns = np.linspace(-half, half, count, dtype=np.float32)
    return columns[::-1].copy(), columns


def _developed(path: Array, matrix: int, seed: int) -> npt.NDArray[np.uint16]:
    """Line integrals -> 12 bits, dark where much was absorbed: MONOCHROME1 shows the lungs black."""
    local = path - np.float32(0.55) * _smooth(path, 48)
    local = local + np.float32(0.7) * (path - _smooth(path, 4))
    fine = lattice((0, 1, 1), (0, 1, matrix), (0, 1, matrix))
    film = refine(local[None], fine, 2)[0]
    exposed = refine(path[None], fine, 2)[0]
    speck = grain(500 + seed, 512, 1.3)
    tiles = -(-matrix // 512)
    film = film + np.tile(speck, (tiles, tiles))[:matrix, :matrix] * (0.004 + 0.004 * exposed)
    body = exposed > 0.6
    low, high = np.percentile(film[body][::37], (1.5, 99.2)) if body.any() else (0.0, 1.0)
    tone = np.clip((film - low) / (high - low), -0.4, 1.3) * np.clip(exposed / 0.6, 0, 1)
    bright = 1 / (1 + np.exp(-(tone - 0.5) * 4.2))
    return np.asarray(np.rint(4095 * (1 - np.clip((bright - 0.04) / 0.92, 0, 1))), np.uint16)


def _smooth(image: Array, size: int) -> Array:
    """A wide blur: means of blocks, linear between them."""
    pad = -len(image) % size
    padded = np.pad(image, ((0, pad + size), (0, pad + size)), mode="edge")
    blocks = padded.reshape(len(padded) // size, size, -1, size).mean(axis=(1, 3))
    places = np.clip((np.arange(len(image)) - (size - 1) / 2) / size, 0, len(blocks) - 1.001)
    low, share = places.astype(int), (places % 1).astype(np.float32)
    rows = blocks[low] + share[:, None] * (blocks[low + 1] - blocks[low])
    return np.asarray(rows[:, low] + share * (rows[:, low + 1] - rows[:, low]), np.float32)


def _film(exam: Exam, view: View, pixels: npt.NDArray[np.uint16], matrix: int) -> FileDataset:
    series = SeriesFacts(view.number, "DX", view.description, "Chest", "Far DR 3", view.time)
    made = new_instance(exam, series, DigitalXRayImageStorageForPresentation, 1)
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.PresentationIntentType = "FOR PRESENTATION"
    made.PatientOrientation = list(view.orientation)
    made.ViewPosition, made.ImageLaterality = view.position, "U"
    made.ViewCodeSequence = code(view.code[0], "SCT", view.code[1])
    made.ViewCodeSequence[0].ViewModifierCodeSequence = DicomSequence()
    made.AnatomicRegionSequence = code("51185008", "SCT", "Chest")
    set_grey_pixels(made, _marked(pixels, view), bits=12)
    made.PhotometricInterpretation = "MONOCHROME1"
    _set_detector(made, PLATE_MM / matrix)
    return made


def _set_detector(made: Dataset, pixel_mm: float) -> None:
    """DX Image, Detector and Positioning modules (PS3.3 C.8.11.3, C.8.11.4, C.8.11.5)."""
    made.PixelIntensityRelationship, made.PixelIntensityRelationshipSign = "LOG", 1
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = 0, 1, "US"
    made.PresentationLUTShape = "INVERSE"
    made.WindowCenter, made.WindowWidth = 2048, 4096
    made.LossyImageCompression, made.BurnedInAnnotation = "00", "NO"
    made.DetectorType, made.DetectorConfiguration = "DIRECT", "AREA"
    made.DetectorDescription = "aSi flat panel"
    made.ImagerPixelSpacing = [round(pixel_mm, 6)] * 2
    made.DistanceSourceToDetector = SOURCE_TO_DETECTOR_MM
    made.KVP, made.ExposureInuAs, made.XRayTubeCurrent, made.ExposureTime = 120, 2400, 250, 10
    made.Grid, made.CollimatorShape = "FOCUSED", "RECTANGULAR"
    made.CollimatorLeftVerticalEdge = made.CollimatorUpperHorizontalEdge = 0
    made.CollimatorRightVerticalEdge, made.CollimatorLowerHorizontalEdge = made.Columns + 1, made.Rows + 1
    made.AcquisitionContextSequence = DicomSequence()
    made.PositionerType = "NONE"


def _marked(pixels: npt.NDArray[np.uint16], view: View) -> npt.NDArray[np.uint16]:
    """The lead letter that tells the side: the patient's left."""
    size = len(pixels)
    layer = Image.new("L", (size, size))
    place = (size * 0.93, size * 0.05) if view is PA else (size * 0.06, size * 0.05)
    ImageDraw.Draw(layer).text(place, "L", fill=255, font=ImageFont.load_default(size * 0.045), anchor="mt")
    share = np.asarray(layer, np.float32) / 255
    return np.rint(pixels * (1 - 0.93 * share)).astype(np.uint16)

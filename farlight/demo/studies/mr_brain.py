"""MR of the brain: T1 sagittal, T1, T2 and FLAIR axial, with a few spots in the white matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from pydicom import FileDataset
from pydicom.uid import MRImageStorage

from farlight.demo.studies.dataset import Exam, SeriesFacts, new_instance, set_grey_pixels
from farlight.demo.studies.grid import Array, Grid, lattice
from farlight.demo.studies.head.render import render_head
from farlight.demo.studies.noise import NoiseField
from farlight.demo.studies.patient import AYGUL, KASHI

FIELD_MM = 240.0
_BIAS = NoiseField.seeded(301, 160)


@dataclass(frozen=True)
class Sequence2D:
    """One series: its contrast (index into a tissue's look), and its timing in ms."""

    number: int
    contrast: int
    name: str
    scanning: str
    variant: str
    repetition_ms: float
    echo_ms: float
    inversion_ms: float | None
    train: int
    flip: int
    window: tuple[int, int]
    time: str


SAGITTAL_T1 = Sequence2D(
    2, 1, "T1 矢状位 T1 SE sag", "SE", "NONE", 520, 11, None, 1, 90, (420, 820), "143012"
)
AXIAL = (
    Sequence2D(3, 1, "T1 轴位 T1 SE tra", "SE", "NONE", 540, 11, None, 1, 90, (420, 820), "143355"),
    Sequence2D(4, 2, "T2 轴位 T2 TSE tra", "SE", "SK", 4200, 98, None, 15, 150, (460, 900), "143744"),
    Sequence2D(5, 3, "FLAIR 轴位 T2 FLAIR tra", "IR", "SK", 8500, 112, 2500, 19, 150, (430, 820), "144120"),
)


def brain_exam(today: date) -> Exam:
    """The day before."""
    day = today - timedelta(days=1)
    description = "MR颅脑平扫 MR brain without contrast"
    return Exam(
        "mr-brain", AYGUL, KASHI, day, "142730", "KM26111900155", description, "HEAD", "Rena^Hesen=热娜·艾山"
    )


def mr_brain(exam: Exam, matrix: int = 256, slices: int = 24) -> Iterator[FileDataset]:
    """Four series of `slices` images each."""
    yield from _sagittal(exam, matrix, slices)
    yield from _axial(exam, matrix, slices)


def _sagittal(exam: Exam, matrix: int, slices: int) -> Iterator[FileDataset]:
    step, gap = FIELD_MM / matrix, 132.0 / slices
    first = -66.0 + gap / 2
    rows = (-128.0, step, matrix)
    grid = lattice(rows, (-122.0, step, matrix), (first, gap, slices))
    signal = _signal(grid, (SAGITTAL_T1.contrast,), (0, 0, gap / 4))[0]
    top = float(grid.z[-1])
    for k in range(slices):
        corner = (first + gap * k, -122.0, top)
        pixels = _received(signal[::-1, :, k], 900 + k)
        yield _image(exam, SAGITTAL_T1, k + 1, pixels, corner, (0, 1, 0, 0, 0, -1), step, gap)


def _axial(exam: Exam, matrix: int, slices: int) -> Iterator[FileDataset]:
    step, gap = FIELD_MM / matrix, 132.0 / slices
    low = -52.0
    grid = lattice((low, gap, slices), (-122.0, step, matrix), (-FIELD_MM / 2 + step / 2, step, matrix))
    signals = _signal(grid, [sequence.contrast for sequence in AXIAL], (gap / 4, 0, 0))
    for sequence, signal in zip(AXIAL, signals, strict=True):
        for k in range(slices):
            corner = (float(grid.x[0]), float(grid.y[0]), low + gap * k)
            pixels = _received(signal[k], 1000 * sequence.number + k)
            yield _image(exam, sequence, k + 1, pixels, corner, (1, 0, 0, 0, 1, 0), step, gap)


def _signal(grid: Grid, contrasts: Sequence[int], thickness: tuple[float, float, float]) -> Array:
    """Two thin slices averaged, `thickness` (z, y, x) apart from the middle; shaded as by a head coil."""
    z, y, x = (np.float32(part) for part in thickness)

    def part(places: Array) -> Array:
        both = [
            render_head(Grid(places + side * z, grid.y + side * y, grid.x + side * x), contrasts, lesion=True)
            for side in (np.float32(-1), np.float32(1))
        ]
        shade = np.float32(0.5) + np.float32(0.025) * _BIAS.sample(Grid(places, grid.y, grid.x))
        return (both[0] + both[1]) * shade

    thickness_of_part = max(2, 2**18 // (len(grid.y) * len(grid.x)))
    parts = np.array_split(grid.z, -(-len(grid.z) // thickness_of_part))
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(part, parts)), axis=1)


def _received(signal: Array, seed: int) -> npt.NDArray[np.uint16]:
    """Rician noise and the blur of a finite matrix."""
    rng = np.random.default_rng(seed)
    soft = _blur(_blur(signal).T).T
    real, imaginary = rng.standard_normal((2, *signal.shape), dtype=np.float32) * np.float32(13)
    return np.asarray(np.clip(np.rint(np.hypot(soft + real, imaginary)), 0, 4095), np.uint16)


def _blur(image: Array) -> Array:
    out = image * np.float32(0.6)
    out[1:] += image[:-1] * np.float32(0.2)
    out[:-1] += image[1:] * np.float32(0.2)
    return out


def _image(
    exam: Exam,
    sequence: Sequence2D,
    number: int,
    pixels: npt.NDArray[np.uint16],
    corner: tuple[float, float, float],
    orientation: tuple[int, ...],
    step: float,
    gap: float,
) -> FileDataset:
    series = SeriesFacts(sequence.number, "MR", sequence.name, "Brain Routine", "Far MR 1.5T", sequence.time)
    made = new_instance(exam, series, MRImageStorage, number)
    made.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    made.ImagePositionPatient = [round(value, 4) for value in corner]
    made.ImageOrientationPatient = list(orientation)
    made.SliceLocation = round(corner[0] if orientation[0] == 0 else corner[2], 4)
    made.SliceThickness, made.SpacingBetweenSlices = round(gap - 0.5, 3), round(gap, 4)
    made.PixelSpacing = [round(step, 6)] * 2
    _set_technique(made, exam, sequence)
    set_grey_pixels(made, pixels, bits=12)
    made.WindowCenter, made.WindowWidth = sequence.window
    return made


def _set_technique(made: FileDataset, exam: Exam, sequence: Sequence2D) -> None:
    """MR Image module (PS3.3 C.8.3.1)."""
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = exam.uid("frame of reference"), ""
    made.PatientPosition, made.AcquisitionNumber = "HFS", 1
    made.ScanningSequence, made.SequenceVariant, made.ScanOptions = sequence.scanning, sequence.variant, ""
    made.MRAcquisitionType, made.SequenceName = "2D", sequence.name.split()[-2]
    made.RepetitionTime, made.EchoTime = sequence.repetition_ms, sequence.echo_ms
    if sequence.inversion_ms is not None:
        made.InversionTime = sequence.inversion_ms
    made.EchoTrainLength, made.FlipAngle, made.NumberOfAverages = sequence.train, sequence.flip, 1
    made.MagneticFieldStrength, made.ImagingFrequency, made.ImagedNucleus = 1.5, 63.87, "1H"
    made.EchoNumbers, made.PixelBandwidth = 1, 150

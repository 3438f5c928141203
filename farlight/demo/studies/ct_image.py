"""CT images from HU (PS3.3 A.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import FileDataset
from pydicom.uid import CTImageStorage

from farlight.demo.studies.dataset import Exam, SeriesFacts, new_instance, set_grey_pixels
from farlight.demo.studies.grid import Array
from farlight.demo.studies.volume import Stack

_INTERCEPT = -1024


@dataclass(frozen=True)
class Window:
    """A preset: centre and width in HU, and what it is for."""

    centre: int
    width: int
    meaning: str


LUNG, MEDIASTINUM = Window(-550, 1500, "LUNG"), Window(40, 380, "MEDIASTINUM")
BRAIN, BONE = Window(36, 90, "BRAIN"), Window(500, 2200, "BONE")


@dataclass(frozen=True)
class CTTechnique:
    """How a CT series was made."""

    kernel: str
    kvp: int
    tube_current_ma: int
    exposure_mas: int
    thickness_mm: float
    contrast: str | None = None


def ct_slice(
    exam: Exam,
    series: SeriesFacts,
    technique: CTTechnique,
    windows: Sequence[Window],
    stack: Stack,
    index: int,
    hu: Array,
) -> FileDataset:
    """One axial slice; `hu` is (rows, columns)."""
    made = new_instance(exam, series, CTImageStorage, index + 1)
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    x, y = stack.corner_mm
    made.ImagePositionPatient = [round(x, 4), round(y, 4), round(stack.z_mm(index), 4)]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.SliceLocation = round(stack.z_mm(index), 4)
    made.SpacingBetweenSlices = stack.spacing_mm
    made.PixelSpacing = [round(stack.pixel_mm, 6)] * 2
    made.DataCollectionDiameter, made.ReconstructionDiameter = 500, stack.field_mm
    set_ct(made, exam, technique, windows, hu)
    return made


def set_ct(
    made: FileDataset, exam: Exam, technique: CTTechnique, windows: Sequence[Window], hu: Array
) -> None:
    """What axial slices and localizers share: frame of reference, technique, rescale, windows, pixels."""
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = exam.uid("frame of reference"), "SN"
    made.PatientPosition = "HFS"
    made.AcquisitionNumber = 1
    made.SliceThickness = technique.thickness_mm
    made.KVP, made.XRayTubeCurrent, made.Exposure = (
        technique.kvp,
        technique.tube_current_ma,
        technique.exposure_mas,
    )
    made.GantryDetectorTilt, made.ConvolutionKernel = 0, technique.kernel
    if technique.contrast:
        made.ContrastBolusAgent, made.ContrastBolusRoute = technique.contrast, "IV"
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = _INTERCEPT, 1, "HU"
    made.WindowCenter = [window.centre for window in windows]
    made.WindowWidth = [window.width for window in windows]
    made.WindowCenterWidthExplanation = [window.meaning for window in windows]
    stored = hu - np.float32(_INTERCEPT)
    np.maximum(stored, 0, out=stored)
    np.minimum(stored, 4095, out=stored)
    set_grey_pixels(made, np.rint(stored, out=stored).astype(np.int16))

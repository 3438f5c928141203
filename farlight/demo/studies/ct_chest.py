"""CT of the chest and upper belly, its localizer, and an older one of the same man."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
from pydicom import FileDataset
from pydicom.uid import CTImageStorage

from farlight.demo.studies.ct_image import LUNG, MEDIASTINUM, CTTechnique, ct_slice, set_ct
from farlight.demo.studies.dataset import Exam, SeriesFacts, new_instance
from farlight.demo.studies.grid import Array
from farlight.demo.studies.noise import grain, mixed_grain
from farlight.demo.studies.patient import KASHI, MEMET
from farlight.demo.studies.projection import attenuation, frontal_parallel, torso_for_projection
from farlight.demo.studies.torso.lung import Nodule
from farlight.demo.studies.torso.render import render_torso
from farlight.demo.studies.volume import Stack, slabs

FIELD_MM = 384.0
_MODEL = "Far CT 64"


@dataclass(frozen=True)
class ChestProtocol:
    """What differs between today's examination and the older one."""

    slices: int = 140
    spacing_mm: float = 2.5
    top_mm: float = 175.0
    nodule_mm: float = 11.0
    grain_hu: float = 13.0


TODAY, PRIOR = ChestProtocol(), ChestProtocol(60, 5.0, 165.0, 7.0, 10.0)


def chest_exam(today: date) -> Exam:
    """This morning's examination."""
    description = "CT胸部上腹部增强 CT chest and abdomen"
    return Exam(
        "ct-chest",
        MEMET,
        KASHI,
        today,
        "101532",
        "KS26112000731",
        description,
        "CHEST",
        "Dilshat^Ehmet=迪力夏提·艾合买提",
    )


def prior_exam(today: date) -> Exam:
    """The examination of about fourteen months ago."""
    day = today - timedelta(days=427)
    description = "CT胸部增强 CT chest with contrast"
    return Exam(
        "ct-chest-prior",
        MEMET,
        KASHI,
        day,
        "164108",
        "KS25091900288",
        description,
        "CHEST",
        "Gulnar^Yasin=古丽娜尔·亚森",
    )


def ct_chest(
    exam: Exam, protocol: ChestProtocol = TODAY, matrix: int = 512, slices: int | None = None
) -> Iterator[FileDataset]:
    """Axial slices from the neck down; fewer `slices` cover the same length with a wider spacing."""
    count = slices or protocol.slices
    spacing = protocol.spacing_mm * protocol.slices / count
    stack = Stack(protocol.top_mm, spacing, count, FIELD_MM, matrix)
    series = SeriesFacts(2, "CT", f"胸部增强 Chest {spacing:g} mm", "Chest Routine", _MODEL, "101847")
    technique = CTTechnique("B41", 120, 210, 96, min(spacing, protocol.spacing_mm), "Iohexol 350")
    nodule = Nodule(protocol.nodule_mm)
    for index, hu in slabs(stack, 10, lambda grid: render_torso(grid, nodule)):
        noisy = hu + np.float32(protocol.grain_hu) * _grain(exam, matrix, index, hu)
        yield ct_slice(exam, series, technique, (MEDIASTINUM, LUNG), stack, index, noisy)


def ct_localizer(exam: Exam, matrix: int = 512) -> Iterator[FileDataset]:
    """The scout: the body projected from the front with parallel rays."""
    series = SeriesFacts(1, "CT", "定位像 Localizer", "Chest Routine", _MODEL, "101611")
    grid, hu = torso_for_projection(matrix)
    pixel = 440.0 / matrix
    image = frontal_parallel(grid, attenuation(hu), pixel)
    made = new_instance(exam, series, CTImageStorage, 1)
    made.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    made.ImagePositionPatient = [round(float(grid.x[0]), 3), 0, round(float(grid.z[-1]), 3)]
    made.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    made.PixelSpacing = [round(pixel, 6)] * 2
    technique = CTTechnique("T80", 120, 35, 18, 1.0)
    scaled = (image - 3.0) * 300 + 6 * grain(5, max(image.shape))[: image.shape[0], : image.shape[1]]
    set_ct(made, exam, technique, (), scaled)
    made.WindowCenter, made.WindowWidth = 30, 1500
    del made.RescaleType, made.WindowCenterWidthExplanation
    yield made


def _grain(exam: Exam, matrix: int, index: int, hu: Array) -> Array:
    """Less grain in air and lung, as fewer photons are lost there."""
    seed = int(exam.day.strftime("%Y%m%d")) * 1000 + index
    strength = np.minimum(hu, 0)
    strength *= np.float32(0.0004)
    strength += np.float32(1)
    strength *= mixed_grain(_pool(matrix), seed, (matrix, matrix))
    return strength


@cache
def _pool(matrix: int) -> list[Array]:
    return [grain(seed, matrix * 3 // 2) for seed in range(5)]

"""The studies of the demonstration, and how each is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path

from pydicom import FileDataset

from farlight.demo.studies.chest_xray import chest_xray, film_exam
from farlight.demo.studies.ct_chest import PRIOR, chest_exam, ct_chest, ct_localizer, prior_exam
from farlight.demo.studies.ct_head import ct_head, head_exam
from farlight.demo.studies.dataset import Exam
from farlight.demo.studies.mr_brain import brain_exam, mr_brain
from farlight.demo.studies.ultrasound import heart_exam, ultrasound

DEFAULT_TODAY = date(2026, 11, 20)


@dataclass(frozen=True)
class DemoStudy:
    """One made-up study: a short key, the site that sends it, a title, and what writes its files into a folder."""

    key: str
    site: str
    title: str
    write: Callable[[Path], list[Path]]


def demo_studies(today: date = DEFAULT_TODAY) -> tuple[DemoStudy, ...]:
    """All studies, dated around `today`; the same day gives the same UIDs and the same bytes."""
    chest, prior, head = chest_exam(today), prior_exam(today), head_exam(today)
    film, brain, heart = film_exam(today), brain_exam(today), heart_exam(today)
    return (
        _study(head, "Head CT, emergency: bleed", lambda: ct_head(head)),
        _study(chest, "CT chest and abdomen: nodule", lambda: chain(ct_localizer(chest), ct_chest(chest))),
        _study(prior, "The same patient's earlier CT", lambda: ct_chest(prior, PRIOR)),
        _study(film, "Chest film, PA and lateral", lambda: chest_xray(film)),
        _study(brain, "MR brain", lambda: mr_brain(brain)),
        _study(heart, "Echocardiography loop", lambda: ultrasound(heart)),
    )


def write_study(study: DemoStudy, folder: Path) -> list[Path]:
    """Write one `.dcm` per instance into `folder` and return the paths in order."""
    return study.write(folder)


def write_instances(instances: Iterable[FileDataset], folder: Path) -> list[Path]:
    """DICOM files (PS3.10) named by series and instance number."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_written(made, folder) for made in instances]


def _study(exam: Exam, title: str, make: Callable[[], Iterator[FileDataset]]) -> DemoStudy:
    return DemoStudy(exam.key, exam.hospital.site, title, partial(_write, make))


def _write(make: Callable[[], Iterator[FileDataset]], folder: Path) -> list[Path]:
    return write_instances(make(), folder)


def _written(made: FileDataset, folder: Path) -> Path:
    path = folder / f"{int(made.SeriesNumber):02d}-{int(made.InstanceNumber):04d}.dcm"
    made.save_as(path, enforce_file_format=True)
    return path

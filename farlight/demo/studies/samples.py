"""Real files that come with pydicom, and with pydicom-data where that is installed."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pydicom

# one of each kind a viewer has to cope with, and no SOP Instance UID twice
_BUNDLED = (
    "CT_small.dcm",
    "693_J2KI.dcm",
    "MR_small.dcm",
    "JPEG2000.dcm",
    "examples_jpeg2k.dcm",
    "examples_overlay.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
)
_FROM_PYDICOM_DATA = (
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "MR2_J2KR.dcm",
    "RG1_J2KI.dcm",
    "RG3_J2KI.dcm",
    "eCT_Supplemental.dcm",
)


def pydicom_samples(folder: Path) -> list[Path]:
    """Copies, byte for byte, of those files that are on this machine; nothing is fetched from anywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [_bundled_folder() / name for name in _BUNDLED]
    extra = _pydicom_data_folder()
    if extra is not None:
        wanted += [extra / name for name in _FROM_PYDICOM_DATA]
    return [Path(shutil.copyfile(path, folder / path.name)) for path in wanted if path.is_file()]


def _bundled_folder() -> Path:
    return Path(pydicom.__file__).parent / "data" / "test_files"


def _pydicom_data_folder() -> Path | None:
    try:
        return Path(str(distribution("pydicom-data").locate_file("data_store/data")))
    except PackageNotFoundError:
        return None

"""All images among pydicom's own test files, those of its data package included."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

from file_frames import FileFrames, file_frames
from pydicom.data import get_testdata_files


@cache
def image_paths() -> list[Path]:
    """Files that pydicom can read and that hold pixels, by name."""
    paths = sorted({Path(each) for each in get_testdata_files()}, key=lambda path: path.name)
    return [each for each in paths if each.is_file() and taken_apart(each) is not None]


@cache
def taken_apart(path: Path) -> FileFrames | None:
    """The file's frames; None if it is no image, or no DICOM file to begin with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return file_frames(path)
    # Among the files are text files, truncated files and fuzzed ones, which fail in every way there is.
    except Exception:
        return None

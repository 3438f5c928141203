"""Stored values are a second decoder's, pictures are DCMTK's, image by image, and docs/fidelity.md says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fidelity import DOCUMENT, HEAD, LOSSY, LOSSY_TOLERANCE, SHOWN_TOLERANCE, Line, is_shown, line
from pydicom.uid import UID
from pydicom_images import image_paths, taken_apart
from test_render_pydicom_files import REFUSED

SHOWN = [each for each in image_paths() if each.name not in REFUSED]
LOSSY_NAMES = {UID(each).name for each in LOSSY}
TABLE = [each for each in DOCUMENT.read_text().partition(HEAD)[2].splitlines() if each]


def _elsewhere() -> list[Path]:
    """Images in a folder of the reader's own; none without FARLIGHT_TEST_DICOM."""
    folder = os.environ.get("FARLIGHT_TEST_DICOM")
    files = sorted(Path(folder).rglob("*")) if folder else []
    return [each for each in files if each.is_file() and taken_apart(each) is not None and is_shown(each)]


def require_true(found: Line) -> None:
    """A line is within its tolerances or says by which clause it is not."""
    tolerance = LOSSY_TOLERANCE if found.transfer_syntax in LOSSY_NAMES else 0
    within = (found.stored or 0) <= tolerance and (found.shown or 0) <= SHOWN_TOLERANCE
    assert within or found.remark


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_line_of_the_table_is_true(path: Path) -> None:
    found = line(path)
    require_true(found)
    assert found.text in TABLE


def test_table_has_a_line_for_each_image() -> None:
    assert [each.split(" | ")[0].removeprefix("| ") for each in TABLE] == [path.name for path in SHOWN]
    assert len(TABLE) > 150


def test_most_lines_need_no_remark() -> None:
    """What nobody else reads shows nothing; it must stay the exception."""
    assert sum(each.endswith("|  |") for each in TABLE) > 0.9 * len(TABLE)


def test_images_elsewhere() -> None:
    for path in _elsewhere():
        found = line(path)
        assert found.text
        require_true(found)

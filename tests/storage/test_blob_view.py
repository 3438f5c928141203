"""A header read out of parts of the file says what the whole file says, and reads little of it."""

from __future__ import annotations

from pathlib import Path

import pydicom.data
import pytest
from pydicom.data import get_testdata_file

from storage.blob_view import view_instance
from storage.blobs import FolderBlobs
from storage.errors import Invalid
from storage.header import read_header
from storage.part10 import inspect_file, is_directory


class Counting(FolderBlobs):
    """Counts the bytes that were asked for."""

    taken = 0

    def read(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        data = super().read(key, offset, length)
        self.taken += len(data)
        return data


def readable() -> list[Path]:
    """Pydicom's own test files that hold an instance."""
    found = []
    for path in sorted((Path(pydicom.data.__file__).parent / "test_files").rglob("*.dcm")):
        data = path.read_bytes()
        try:
            info = inspect_file(data)
            read_header(data, info.dataset_offset, info.transfer_syntax_uid)
        except Invalid:
            continue
        if not is_directory(data):
            found.append(path)
    return found


@pytest.mark.parametrize("first", [1024, 4096])
def test_parts_of_a_file_say_what_the_whole_says(tmp_path: Path, first: int) -> None:
    blobs = FolderBlobs(tmp_path, reserve=0)
    files = readable()
    assert len(files) > 50
    for path in files:
        data = path.read_bytes()
        info = inspect_file(data)
        blobs.put(path.name, [data])
        with view_instance(blobs, path.name, len(data), tmp_path, whole=first) as view:
            parts = read_header(view, info.dataset_offset, info.transfer_syntax_uid)
        assert parts == read_header(data, info.dataset_offset, info.transfer_syntax_uid), path.name


def test_pixels_are_not_read(tmp_path: Path) -> None:
    blobs = Counting(tmp_path, reserve=0)
    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    blobs.put("one", [data])
    with view_instance(blobs, "one", len(data), tmp_path, whole=1000) as view:
        assert len(view) == len(data)
    assert blobs.taken < len(data) / 4

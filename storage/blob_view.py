"""A stored file as a buffer in which only what tells of the instance has been read.

Verifying and rebuilding the index read every header again; over a network the pixels between them would be nearly
all of the transfer. The view has the file's length; its header is there, and of encapsulated pixels the heads and
ends of the fragments. What was not read is zeros on no disk and in no memory.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.blobs import BlobStore
from storage.errors import Unavailable
from storage.part10 import inspect_file
from storage.structure import ITEM, Element, Encoding, Structure, walk

WHOLE = 2 << 20
"""Files up to this many bytes are read whole: one request."""
_WINDOW = 256 << 10
_PIECE = 4 << 20


@contextmanager
def view_instance(
    blobs: BlobStore, key: str, size: int, scratch: Path, *, offset: int = 0, whole: int = WHOLE
) -> Iterator[memoryview]:
    """The file of `size` bytes that begins at `offset` in blob `key`, good for `read_header`; what it takes beyond
    memory lies in `scratch`.

    Raises `Invalid` for what is no DICOM file, `NotFound`, `Corrupt` if it is shorter than `size`.
    """
    if size <= whole:
        yield memoryview(blobs.read(key, offset, size))
        return
    with tempfile.TemporaryFile(dir=scratch) as file:
        os.ftruncate(file.fileno(), size)
        _View(blobs, key, offset, size, file.fileno()).read_what_tells(whole)
        # not closed by hand: an error on its way up may still hold a slice; the last holder's end unmaps it
        yield memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


class _View:
    def __init__(self, blobs: BlobStore, key: str, offset: int, size: int, descriptor: int) -> None:
        self.blobs, self.key, self.offset, self.size, self.descriptor = blobs, key, offset, size, descriptor
        self.window = (0, b"")

    def read_what_tells(self, first: int) -> None:
        """The header, beginning with `first` bytes, and what tells the frames apart."""
        head = self._fetch(0, first)
        info = inspect_file(head)
        if info.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            self._fetch_rest(len(head))
            return
        structure = self._walk(head, info.dataset_offset, Encoding.of(info.transfer_syntax_uid))
        if structure.pixel_data is not None and structure.pixel_data.length is None:
            self._visit_fragments(structure.pixel_data)

    def _walk(self, head: bytes, start: int, encoding: Encoding) -> Structure:
        """Walk with ever more of the file until the pixel data, or the end, is in what was read."""
        while True:
            try:
                return walk(head, start, encoding, size=self.size)
            except struct.error:
                head += self._fetch(len(head), 2 * len(head))

    def _visit_fragments(self, pixel_data: Element) -> None:
        """The table of offsets, each fragment's 8-byte head and, for the end markers, its last bytes (PS3.5 A.4)."""
        position = pixel_data.value_offset
        while position + 8 <= self.size:
            group, number, length = struct.unpack("<HHL", self._at(position, 8))
            end = min(position + 8 + length, self.size)
            if group << 16 | number != ITEM:
                return
            if position == pixel_data.value_offset:
                self._at(position, end - position)
            self._at(end - 4, min(12, self.size - end + 4))
            position = end

    def _at(self, start: int, length: int) -> bytes:
        """Bytes out of the window; it moves where they are not in it."""
        first, data = self.window
        if start < first or start + length > first + len(data):
            first, data = start, self._fetch(start, start + max(length, _WINDOW))
            self.window = (first, data)
        return data[start - first : start - first + length]

    def _fetch_rest(self, start: int) -> None:
        while start < self.size:
            start += len(self._fetch(start, start + _PIECE))

    def _fetch(self, start: int, end: int) -> bytes:
        data = self.blobs.read(self.key, self.offset + start, min(end, self.size) - start)
        try:
            os.pwrite(self.descriptor, data, start)
        except OSError as why:
            raise Unavailable(f"the folder for what is being read cannot be written: {why.strerror}") from why
        return data

"""The parts of a `multipart/related` request body, each into a file of its own while it arrives (RFC 2046 5.1)."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from storage.errors import Invalid
from storage.structure import Buffer

MAX_PART_BYTES = 8 << 30
"""Whole slide images have a few gigabytes."""


class IncomingPart:
    """One part on disk."""

    def __init__(self, folder: Path) -> None:
        self.content_type = ""
        self.size = 0
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`

    def write(self, data: bytes) -> None:
        """Append. Raises `Invalid` ``TOO_LARGE``."""
        self.size += len(data)
        if self.size > MAX_PART_BYTES:
            raise Invalid(f"a part is larger than {MAX_PART_BYTES >> 30} GiB", code="TOO_LARGE")
        self._file.write(data)

    @contextmanager
    def opened(self) -> Iterator[Buffer]:
        """Its bytes, mapped rather than read."""
        self._file.flush()
        if self.size == 0:
            yield b""
            return
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            yield view

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


class PartReceiver:
    """Feed it the body; take the parts that have ended. Close it in the end, whatever happened."""

    def __init__(self, boundary: str, folder: Path) -> None:
        self._folder = folder
        self._current: IncomingPart | None = None
        self._ended: list[IncomingPart] = []
        self._header = [b"", b""]
        self.complete = False
        try:
            self._parser = MultipartParser(
                boundary.encode("ascii"),
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._end_part,
                    "on_header_begin": self._begin_header,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._end_header,
                    "on_end": self._end,
                },
            )
        except (UnicodeEncodeError, ValueError) as why:
            raise Invalid("Content-Type: the boundary is malformed") from why

    def feed(self, data: bytes) -> None:
        """The next bytes of the body. Raises `Invalid` where they are no parts."""
        try:
            self._parser.write(data)
        except MultipartParseError as why:
            raise Invalid("the body is not made of the parts that its Content-Type announces") from why

    def take_ended(self) -> list[IncomingPart]:
        """The parts that have ended since; the taker closes them."""
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        """Drop what was not taken."""
        for part in (*self._ended, *([self._current] if self._current else [])):
            part.close()

    def _begin(self) -> None:
        self._current = IncomingPart(self._folder)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._current is not None:
            self._current.write(data[start:end])

    def _end_part(self) -> None:
        if self._current is not None:
            self._ended.append(self._current)
        self._current = None

    def _begin_header(self) -> None:
        self._header = [b"", b""]

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _end_header(self) -> None:
        name, value = self._header
        if self._current is not None and name.strip().lower() == b"content-type":
            self._current.content_type = value.decode("latin-1").strip()

    def _end(self) -> None:
        self.complete = True

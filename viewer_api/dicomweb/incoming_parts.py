"""The parts of a `multipart/related` request body, one after the other (RFC 2046 5.1).

A part lies in memory while it is small and in an unnamed file when it grows. It is handed on when it has ended, before
the next begins, so that however many come, one is held here.
"""

from __future__ import annotations

import io
import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from storage.archive import Archive
from storage.disk import RESERVE
from storage.errors import Invalid, Unavailable
from storage.structure import Buffer
from viewer_api.dicomweb.accept import MediaRange, parse

MAX_PART_BYTES = 8 << 30
"""Whole slide images have a few gigabytes."""
MAX_PARTS = 2000
"""In one request; a series of more slices comes in several."""
IN_MEMORY_BYTES = 1 << 20
"""A part up to this size is not written down before it is known to be an instance."""
_LOOK_EVERY = 64 << 20
"""Bytes written between two looks at the room on the disk: a fraction of the reserve."""


def require_room(archive: Archive) -> None:
    """Raises `Unavailable` unless the blob store takes a blob now and the folder of what arrives has its reserve."""
    archive.blobs.check()
    with _writable():
        free = shutil.disk_usage(archive.incoming).free
    if free < RESERVE:
        raise Unavailable(
            f"the disk where images arrive is nearly full: {free >> 20} MiB free, {RESERVE >> 20} MiB are kept back"
        )


class IncomingPart:
    """One part. Whoever takes it closes it."""

    def __init__(self, archive: Archive) -> None:
        self.content_type = ""
        self.content_location = ""
        self.size = 0
        self._archive = archive
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._looked_at = 0

    @property
    def kind(self) -> MediaRange:
        """Its Content-Type, ``*/*`` if it has none."""
        return (parse(self.content_type)[:1] or [MediaRange("")])[0]

    def write(self, data: bytes) -> None:
        """Append. Raises `Invalid` ``TOO_LARGE``, and `Unavailable` if there is no room for it."""
        self.size += len(data)
        if self.size > MAX_PART_BYTES:
            raise Invalid(f"a part is larger than {MAX_PART_BYTES >> 30} GiB", code="TOO_LARGE")
        if self.size <= IN_MEMORY_BYTES:
            self._memory += data
            return
        with _writable():
            self._spool().write(data)

    def _spool(self) -> IO[bytes]:
        if self._file is None or self.size - self._looked_at > _LOOK_EVERY:
            require_room(self._archive)
            self._looked_at = self.size
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._archive.incoming)  # noqa: SIM115 - closed by `close`
            self._file.write(self._memory)
            self._memory.clear()
        return self._file

    @contextmanager
    def opened(self) -> Iterator[Buffer]:
        """Its bytes; of a file mapped rather than read. Raises `Unavailable`."""
        if self._file is None:
            yield bytes(self._memory)
            return
        with _writable():
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        with mapped, memoryview(mapped) as view:
            yield view

    def file(self) -> io.BufferedIOBase:
        """The same to be read from its beginning; good until the part is closed. Raises `Unavailable`."""
        if self._file is None:
            return io.BytesIO(self._memory)
        with _writable():
            self._file.flush()
            self._file.seek(0)
        return cast(io.BufferedIOBase, self._file)

    def close(self) -> None:
        """Give the disk space back."""
        if self._file is not None:
            with suppress(OSError):  # what was not written yet has no room, and is not wanted any more
                self._file.close()


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as why:
        raise Unavailable(f"what arrives cannot be kept: {why.strerror}") from why


class PartReceiver:
    """Feed it the body; each part goes to `keep`, which closes it, as soon as it has ended. Close it in the end,
    whatever happened."""

    def __init__(self, boundary: str, archive: Archive, keep: Callable[[IncomingPart], None]) -> None:
        self._archive = archive
        self._keep = keep
        self._current: IncomingPart | None = None
        self._begun = 0
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
        """The next bytes of the body. Raises `Invalid` where they are no parts, or too many or too large ones."""
        try:
            self._parser.write(data)
        except MultipartParseError as why:
            raise Invalid("the body is not made of the parts that its Content-Type announces") from why

    def close(self) -> None:
        """Drop what has not ended."""
        if self._current is not None:
            self._current.close()
        self._current = None

    def _begin(self) -> None:
        self._begun += 1
        if self._begun > MAX_PARTS:
            raise Invalid(
                f"a request holds at most {MAX_PARTS} parts: those are kept, send the others in a further one",
                code="TOO_LARGE",
            )
        self._current = IncomingPart(self._archive)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._current is not None:
            self._current.write(data[start:end])

    def _end_part(self) -> None:
        part, self._current = self._current, None
        if part is not None:
            self._keep(part)

    def _begin_header(self) -> None:
        self._header = [b"", b""]

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _end_header(self) -> None:
        name, value = self._header
        if self._current is None:
            return
        if name.strip().lower() == b"content-type":
            self._current.content_type = value.decode("latin-1").strip()
        if name.strip().lower() == b"content-location":
            self._current.content_location = value.decode("latin-1").strip()

    def _end(self) -> None:
        self.complete = True

"""Instances as a ZIP file for people (PS3.12 Annex V), made while it is sent.

Nothing is compressed: compressed images get no smaller, and to compress the others would take longer than the link.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import groupby

from storage.archive import Archive
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.kept_pieces import kept_pieces
from viewer_api.dicomweb.reading_ahead import read_in_order


class _Written(io.RawIOBase):
    """A file that cannot be sought in, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes and nothing else
        self._waiting.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken


def zip_contents(archive: Archive, found: list[StoredInstance]) -> Generator[bytes]:
    """The file, a folder for each series; no name in it tells whose images they are."""
    written = _Written()
    pieces = (piece for each in found for piece in kept_pieces(archive, each))
    with closing(read_in_order(pieces)) as contents, zipfile.ZipFile(written, "w") as packed:
        for name, each in _named(found):
            information = zipfile.ZipInfo(name)
            information.file_size, left = each.length, each.length
            with packed.open(information, "w") as entry:
                while left:
                    content = next(contents)
                    left -= len(content)
                    entry.write(content)
                    yield written.taken()
    yield written.taken()


def _named(found: list[StoredInstance]) -> Iterator[tuple[str, StoredInstance]]:
    """Instances lie together by series, in reading order."""
    for number, (_, of_series) in enumerate(groupby(found, lambda each: each.series_instance_uid), 1):
        for place, each in enumerate(of_series, 1):
            yield f"series-{number:03}/{place:05}.dcm", each

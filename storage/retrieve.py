"""Giving back what we hold: instances, their headers, and single frames as range reads. What is rejected is not given.

What is in the index and whose bytes are gone raises `Corrupt`, whatever of it is asked for (`storage.kept_bytes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from sqlalchemy import ColumnElement, Connection, Select, select

from storage.archive import Archive
from storage.frames import PixelLayout, join_fragments
from storage.header import decode_header, inflate
from storage.json_model import header_dataset
from storage.kept_bytes import kept_chunks, read_kept
from storage.stored_header import HEADER_COLUMNS, StoredHeader
from storage.tables import instance, series, study


@dataclass(frozen=True)
class StoredInstance(StoredHeader):
    """One instance and where its bytes lie."""

    id: int
    site: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    instance_number: int | None
    number_of_frames: int
    rows: int | None
    columns: int | None
    sha256: str
    origin: str
    packed_layout: bytes | None

    @cached_property
    def layout(self) -> PixelLayout | None:
        """Where its frames lie, None without pixels. Unpacked once: an instance may have a million frames."""
        return PixelLayout.from_bytes(self.packed_layout) if self.packed_layout else None

    def header(self, archive: Archive) -> Dataset:
        """All attributes but the pixels and values told by reference, as a pydicom data set without broken values."""
        return header_dataset(self.header_json(archive.blobs))


@dataclass(frozen=True)
class StoredFrame:
    """One frame's bytes; `bit_offset` is where a 1-bit frame begins in the first byte."""

    data: bytes
    bit_offset: int


def instances(connection: Connection, *where: ColumnElement[bool]) -> list[StoredInstance]:
    """Instances under conditions on `study`, `series` and `instance`, in reading order."""
    query = _query().where(*where).order_by(study.c.id, *READING_ORDER)
    return [StoredInstance(**row._mapping) for row in connection.execute(query)]


READING_ORDER = (
    series.c.series_number.asc().nulls_last(),
    series.c.id,
    instance.c.instance_number.asc().nulls_last(),
    instance.c.id,
)
"""Of a study's instances. What has no number comes last on every database."""


def first_instance(
    connection: Connection, *where: ColumnElement[bool], rejected: bool = False
) -> StoredInstance | None:
    """The first of them, or None; with `rejected` the first of those that are hidden."""
    query = _query(rejected).where(*where).order_by(instance.c.id).limit(1)
    row = connection.execute(query).one_or_none()
    return StoredInstance(**row._mapping) if row else None


_ABOVE = ("study_instance_uid", "series_instance_uid")


def _query(rejected: bool = False) -> Select[Any]:
    plain = [
        instance.c[name]
        for name in StoredInstance.__dataclass_fields__
        if name not in (*StoredHeader.__dataclass_fields__, *_ABOVE, "packed_layout")
    ]
    packed = instance.c.layout.label("packed_layout")
    return (
        select(study.c.study_instance_uid, series.c.series_instance_uid, *plain, *HEADER_COLUMNS, packed)
        .join(series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(instance.c.rejection.is_not(None) if rejected else instance.c.rejection.is_(None))
    )


def read_file(archive: Archive, found: StoredInstance) -> bytes:
    """The whole instance as a PS3.10 file."""
    return read_kept(archive.blobs, found)


def file_chunks(archive: Archive, found: StoredInstance) -> Iterator[bytes]:
    """The same in pieces."""
    return kept_chunks(archive.blobs, found)


def read_dataset_bytes(archive: Archive, found: StoredInstance) -> bytes:
    """The data set as it came, without file meta information; a deflated one is inflated."""
    data = read_kept(archive.blobs, found, found.dataset_offset)
    if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        return inflate(data, 0)
    return data


def read_frame(archive: Archive, found: StoredInstance, frame_number: int) -> StoredFrame | None:
    """Frame `frame_number`, from 1, in its stored encoding; None for an instance without pixels.

    Raises `NotFound` for a frame that is not there, `Invalid` if the frames cannot be told apart.
    """
    layout = found.layout
    if layout is None:
        return None
    place = layout.frame(frame_number)
    if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        data = read_dataset_bytes(archive, found)[place.start : place.end]
    else:
        data = read_kept(archive.blobs, found, found.dataset_offset + place.start, place.end - place.start)
    return StoredFrame(join_fragments(data) if place.encapsulated else data, place.bit_offset)


def original_header(archive: Archive, found: StoredInstance, node_charset: str = "") -> Dataset:
    """The header as the sender wrote it, in the character set that reads it right."""
    data = read_dataset_bytes(archive, found)
    return decode_header(data, found.transfer_syntax_uid, node_charset)


def first_value(archive: Archive, found: StoredInstance, tag: str) -> Any:
    """The first value of the outermost attribute `tag` (eight hexadecimal digits) in the DICOM JSON model, or None."""
    values = found.header_json(archive.blobs, [tag]).get(tag, {}).get("Value", [None])
    return values[0]

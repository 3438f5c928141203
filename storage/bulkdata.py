"""Values that the header only refers to: large palettes, documents, waveforms (PS3.18 8.7.3)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from storage.archive import Archive
from storage.errors import NotFound
from storage.json_model import header_dataset, little_endian
from storage.kept_bytes import read_kept
from storage.retrieve import StoredInstance, read_dataset_bytes

_PREFIX = "bulkdata/"


@dataclass(frozen=True)
class BulkValue:
    """One binary value, little endian, and its value representation."""

    vr: str
    data: bytes


def bulk_value(archive: Archive, found: StoredInstance, path: str) -> BulkValue:
    """The value at `path`: a tag, or tag/item/tag in sequences, items counted from 0. Raises `NotFound`.

    Pixel data are not among them: they are read frame by frame.
    """
    return _value(found.decoded_header(archive.blobs), found, path)


def complete_header(archive: Archive, found: StoredInstance, groups: frozenset[str] | None = None) -> Dataset:
    """The header with every value in its place; the bytes are read only if a value is missing in the index.

    `groups`, four hexadecimal digits each, are the ones wanted, all if None.
    """
    header_json = found.header_json(archive.blobs, groups=groups)
    opened: list[Dataset] = []

    def read_bulk(reference: str) -> bytes:
        if not opened:
            opened.append(found.decoded_header(archive.blobs))
        return _value(opened[0], found, reference.removeprefix(_PREFIX)).data

    return header_dataset(header_json, read_bulk)


def pixel_vr(archive: Archive, found: StoredInstance) -> str | None:
    """The VR under which the pixels are encoded, None where the encoding does not tell (implicit VR, no pixels)."""
    if found.layout is None or found.transfer_syntax_uid == ImplicitVRLittleEndian:
        return None
    prefix = _before_pixels(archive, found, found.layout.offset - 12, found.layout.offset)
    return prefix[4:6].decode("ascii", "replace")


def _before_pixels(archive: Archive, found: StoredInstance, start: int, end: int) -> bytes:
    if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        return read_dataset_bytes(archive, found)[start:end]
    return read_kept(archive.blobs, found, found.dataset_offset + start, end - start)


def _value(header: Dataset, found: StoredInstance, path: str) -> BulkValue:
    try:
        *above, last = path.split("/")
        for tag, index in zip(above[::2], above[1::2], strict=True):
            header = header[int(tag, 16)].value[int(index)]
        element = header[int(last, 16)]
        value = element.value
    except (ValueError, KeyError, IndexError, TypeError) as why:
        raise NotFound("this instance has no such bulk data") from why
    if not isinstance(value, bytes):
        raise NotFound("this attribute is no bulk data: its value stands in the metadata")
    vr = "OW" if " or " in element.VR else str(element.VR)
    big_endian = found.transfer_syntax_uid == ExplicitVRBigEndian
    return BulkValue(vr, little_endian(value, vr) if big_endian else value)

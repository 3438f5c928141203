"""What one instance says of itself: read before its pixels, tolerant of everything that is not indexed.

Only what the index needs is decoded here. The header itself is kept as it came (`Header.raw`), and the DICOM JSON
model is made of it when somebody reads it (`storage.json_encoder`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import pydicom.config
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.dataset import decode
from storage.errors import Invalid
from storage.frames import PixelLayout, PixelShape, encapsulated_layout, native_layout
from storage.identity import PersonName, required_uid
from storage.json_encoder import encode_json
from storage.json_model import JsonModel
from storage.plain_elements import LONG_VRS
from storage.structure import Buffer, Encoding, Place, Structure, tag_name, walk
from storage.text import Charset, without_escapes
from storage.values import Values, read_values

# Other people's files break value rules; we keep their bytes and index what can be read.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_INFLATED = 1 << 30
"""A deflated data set may unfold to this many bytes, no more."""
INFLATED_FREELY, MAX_RATIO = 64 << 20, 200
"""Beyond so many bytes to this many times its size only: images unfold 1:10, a bomb 1:1000."""
MAX_RAW = 64 << 10
"""Longer headers are not kept in the index."""
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
"""Key Object Selection Document Storage."""
MAX_RAW_REFERENCES = 8 << 20
"""Of such a document: it names some 50,000 instances."""
_MAX_ATTRIBUTE = 8 << 10
"""Of a longer header, elements up to this many bytes are at hand for `Header.attributes`."""
_ENDLESS = 1 << 62
_NATIVE = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})


@dataclass(frozen=True)
class Header:
    """An instance as the index sees it. Texts are decoded; what was absent is empty, 0 or None."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: PersonName
    patient_birth_date: str
    patient_sex: str
    charset_suspect: bool
    study_instance_uid: str
    study_date: str
    study_time: str
    accession_number: str
    study_id: str
    study_description: str
    referring_physician_name: str
    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    number_of_frames: int
    layout: PixelLayout | None
    raw: bytes | None = field(repr=False)
    """The encoded header: all before the pixels, of a deflated data set what it unfolds to; None beyond `MAX_RAW`."""
    header_length: int
    """Bytes of the encoded header, whether or not `raw` holds them."""
    charset_terms: tuple[str, ...]
    """The values of (0008,0005) under which its texts read right."""
    short: bytes = field(repr=False)
    """The encoded header without its long elements; the same as `raw` where that is there."""

    def attributes(self, tags: Iterable[str]) -> JsonModel:
        """Those of `tags` (eight hexadecimal digits), outermost elements of ordinary length, that are there, in the
        DICOM JSON model (PS3.18 Annex F)."""
        encoding = Encoding.of(self.transfer_syntax_uid)
        return encode_json(self.short, encoding, self.charset_terms, frozenset(int(tag, 16) for tag in tags))

    @cached_property
    def packed(self) -> bytes | None:
        """`raw` as the index keeps it. The same bytes always pack the same."""
        return None if self.raw is None else zlib.compress(self.raw, 1)

    @cached_property
    def packed_layout(self) -> bytes | None:
        """Where the frames lie, as the index keeps it; None without pixels."""
        return self.layout.to_bytes() if self.layout else None

    def pack(self) -> None:
        """Do now what need not be done while others wait."""
        self.packed, self.packed_layout  # noqa: B018 - each is computed once


def read_header(
    buffer: Buffer, dataset_offset: int, transfer_syntax_uid: str, node_charset: str = ""
) -> Header:
    """Read the data set at `dataset_offset`.

    Raises `Invalid`, naming the attribute, for a broken structure or an identifier that is missing or malformed.
    """
    encoding = Encoding.of(transfer_syntax_uid)
    if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        buffer, dataset_offset = inflate(buffer, dataset_offset), 0
    structure = walk(buffer, dataset_offset, encoding)
    values, charset = read_values(buffer, dataset_offset, structure, encoding, node_charset)
    return _describe(values, charset, transfer_syntax_uid, structure, dataset_offset)


@dataclass(frozen=True)
class EarlyHeader:
    """The header of an instance of which the first bytes have come. Its pixels are native and their place is known;
    whether all of them will come is not."""

    header: Header
    pixels_start: int
    pixels_end: int
    structure: Structure = field(compare=False, repr=False)

    def of(self, length: int) -> Header | None:
        """The header, now that the data set has come to its end after `length` bytes; None if it is cut off."""
        return self.header if self.pixels_end <= length else None


def read_early(beginning: Buffer, transfer_syntax_uid: str, node_charset: str = "") -> EarlyHeader | None:
    """What `read_header` will say of a data set that begins so, if that can be known by now.

    To be called while the rest arrives: the time is not lost then. None if the header is longer, or if there is
    anything about it that `read_header` has to see.
    """
    if transfer_syntax_uid not in _NATIVE:
        return None
    encoding = Encoding.of(transfer_syntax_uid)
    try:
        structure = walk(beginning, 0, encoding, size=_ENDLESS)
        pixels = structure.pixel_data
        if pixels is None or pixels.length is None or structure.header_end > MAX_RAW or not structure.regular:
            return None
        values, charset = read_values(beginning, 0, structure, encoding, node_charset)
        header = _describe(values, charset, transfer_syntax_uid, structure, 0)
    except (Invalid, struct.error):
        return None
    return EarlyHeader(header, pixels.value_offset, pixels.value_offset + pixels.length, structure)


def decode_header(dataset: Buffer, transfer_syntax_uid: str, node_charset: str = "") -> Dataset:
    """Everything before the pixels as pydicom reads it; (0008,0005) is the set that reads the texts right."""
    encoding = Encoding.of(transfer_syntax_uid)
    structure = walk(dataset, 0, encoding)
    _, charset = read_values(dataset, 0, structure, encoding, node_charset)
    return decode(bytes(dataset[: structure.header_end]), structure, encoding, charset.terms)


def inflate(buffer: Buffer, start: int) -> bytes:
    """The data set inside a deflated one (PS3.5 A.5). Raises `Invalid` beyond `MAX_INFLATED` and `MAX_RATIO`."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most = min(MAX_INFLATED, max(INFLATED_FREELY, MAX_RATIO * (len(buffer) - start)))
    try:
        data = inflater.decompress(bytes(buffer[start:]), most)
    except zlib.error as why:
        raise Invalid(f"the deflated data set cannot be inflated: {why}") from why
    if inflater.unconsumed_tail:
        raise Invalid(f"the deflated data set unfolds to more than {most >> 20} MiB")
    if not inflater.eof:
        raise Invalid("the deflated data set is truncated")
    return data


def _describe(
    values: Values, charset: Charset, transfer_syntax_uid: str, structure: Structure, start: int
) -> Header:
    frames = max(1, values.integer(0x00280008) or 1)
    length = structure.header_end - start
    # a list of references is all header, and is acted on when it comes (`storage.rejections`)
    most = MAX_RAW_REFERENCES if values.text(0x00080016) == KEY_OBJECTS else MAX_RAW
    raw = bytes(values.buffer[start : structure.header_end]) if length <= most else None
    return Header(
        patient_id=_text(values, 0x00100020),
        issuer_of_patient_id=_text(values, 0x00100021),
        patient_name=PersonName.parse(_text(values, 0x00100010, 300)),
        patient_birth_date=_date(values, 0x00100030),
        patient_sex=_text(values, 0x00100040, 16),
        charset_suspect=charset.suspect,
        study_instance_uid=_uid(values, 0x0020000D),
        study_date=_date(values, 0x00080020),
        study_time=_text(values, 0x00080030, 16),
        accession_number=_text(values, 0x00080050),
        study_id=_text(values, 0x00200010),
        study_description=_text(values, 0x00081030, 1024),
        referring_physician_name=_text(values, 0x00080090, 1024),
        series_instance_uid=_uid(values, 0x0020000E),
        modality=_text(values, 0x00080060, 16) or "OT",
        series_number=values.integer(0x00200011),
        series_description=_text(values, 0x0008103E, 1024),
        body_part_examined=_text(values, 0x00180015),
        sop_instance_uid=sop_instance_uid_of(values),
        sop_class_uid=_uid(values, 0x00080016),
        transfer_syntax_uid=transfer_syntax_uid,
        instance_number=values.integer(0x00200013),
        rows=values.integer(0x00280010),
        columns=values.integer(0x00280011),
        number_of_frames=frames,
        layout=_layout(values, structure, frames),
        raw=raw,
        header_length=length,
        charset_terms=charset.terms,
        short=_without_long_elements(values.buffer, structure, start) if raw is None else raw,
    )


def _without_long_elements(buffer: Buffer, structure: Structure, start: int) -> bytes:
    """The elements up to `_MAX_ATTRIBUTE` bytes, each as it is encoded."""
    if not structure.regular:
        return bytes(buffer[start : structure.header_end])
    starts = sorted(_element_start(place) for place in structure.top.places.values())
    spans = zip(starts, [*starts[1:], structure.header_end], strict=True)
    return b"".join(bytes(buffer[first:end]) for first, end in spans if end - first <= _MAX_ATTRIBUTE)


def _element_start(place: Place) -> int:
    return place[1] - (12 if place[0] in LONG_VRS else 8)


def sop_instance_uid_of(values: Values) -> str:
    """Raises `Invalid` where it is missing or malformed."""
    return _uid(values, 0x00080018)


def _uid(values: Values, tag: int) -> str:
    return required_uid(values.text(tag), tag_name(tag))


def _text(values: Values, tag: int, limit: int = 64) -> str:
    return without_escapes(values.text(tag)).strip(" \0").replace("\0", "")[:limit]


def _date(values: Values, tag: int) -> str:
    """``YYYYMMDD``; the ACR-NEMA form with dots is read too (PS3.5 6.2)."""
    text = _text(values, tag).replace(".", "").replace("-", "")[:8]
    try:
        date.fromisoformat(text if text.isascii() and len(text) == 8 else "")
    except ValueError:
        return ""
    return text


def _layout(values: Values, structure: Structure, frames: int) -> PixelLayout | None:
    element = structure.pixel_data
    if element is None:
        return None
    if element.length is None:
        return encapsulated_layout(values.buffer, element, frames, _extended_offsets(values))
    bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(element.tag)
    shape = PixelShape(
        rows=values.integer(0x00280010) or 0,
        columns=values.integer(0x00280011) or 0,
        samples_per_pixel=values.integer(0x00280002) or 1,
        bits_allocated=bits or values.integer(0x00280100) or 0,
        number_of_frames=frames,
        subsampled=_text(values, 0x00280004) == "YBR_FULL_422",
    )
    return native_layout(element, shape)


def _extended_offsets(values: Values) -> tuple[int, ...]:
    """PS3.3 C.7.6.3.1.8 Extended Offset Table."""
    raw = values.binary(0x7FE00001)
    if len(raw) % 8:
        return ()
    return struct.unpack(f"<{len(raw) // 8}Q", raw)

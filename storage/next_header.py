"""The header of an image that follows another of its series: only what is new in it is decoded.

Slices of one series differ in their SOPInstanceUID, their InstanceNumber, and values that nobody reads when an image
comes in. Where all other bytes are those of the image before, their reading is taken over. One comparison of the
whole header shows that, in a tenth of the time that a reading takes; `storage.header.read_early` says all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

from pydicom._dicom_dict import DicomDictionary

from storage.errors import Invalid
from storage.header import EarlyHeader, read_early, sop_instance_uid_of
from storage.plain_elements import SEQUENCE_TAGS, SHORT_VRS
from storage.structure import Buffer, Encoding, Place, Structure
from storage.text import encodings_of
from storage.values import TEXT_TAGS, TEXT_VRS, Values

_OWN = {0x00080018: b"UI", 0x00200013: b"IS"}
"""What is decoded anew: SOPInstanceUID and InstanceNumber."""
_READ = frozenset(
    {
        0x00080005,
        0x00080016,
        0x00080020,
        0x00080030,
        0x00080050,
        0x00080060,
        0x00080090,
        0x00081030,
        0x0008103E,
    }
    | {0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00180015}
    | {0x0020000D, 0x0020000E, 0x00200010, 0x00200011}
    | {0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x7FE00001}
    | _OWN.keys()
)
"""What a reading looks at, beside the texts, which tell the character set."""
_TRIES = 16
"""So many more images whose headers are not alike than such whose are, and no more are compared."""


@dataclass(frozen=True)
class _Stretch:
    """Bytes between two elements that are decoded anew, from `start` on: which must be as they were."""

    start: int
    length: int
    value: int
    fixed: int

    def is_alike(self, buffer: Buffer, at: int) -> bool:
        """Whether `buffer` has the same from `at` on."""
        there = int.from_bytes(buffer[at : at + self.length], "little")
        return not (there ^ self.value) & self.fixed


@dataclass(frozen=True)
class _Image:
    """One that was read, and what the next one is held against."""

    early: EarlyHeader
    encoding: Encoding
    own: tuple[int, ...]
    """The tags that are decoded anew, in their order; a stretch before each and one behind."""
    stretches: tuple[_Stretch, ...]

    def next(self, buffer: Buffer) -> EarlyHeader | None:
        """The header of the image that `buffer` begins; None if it is not alike."""
        places: dict[int, Place] = {}
        position = 0
        for number, stretch in enumerate(self.stretches):
            if position + stretch.length > len(buffer) or not stretch.is_alike(buffer, position):
                return None
            position += stretch.length
            if number < len(self.own):
                tag = self.own[number]
                length = int.from_bytes(buffer[position : position + self._length_bytes], "little")
                value = position + self._length_bytes
                places[tag] = (b"" if self.encoding.implicit_vr else _OWN[tag], value, length)
                position = value + length
        return self._with(buffer, places, position)

    @property
    def _length_bytes(self) -> int:
        return 4 if self.encoding.implicit_vr else 2

    def _with(self, buffer: Buffer, places: dict[int, Place], pixels: int) -> EarlyHeader | None:
        before = self.early.header
        values = Values(buffer, places, self.encoding, encodings_of(before.charset_terms))
        header = copy(before)
        moved = pixels - self.early.pixels_start
        length = before.header_length + moved
        try:
            new = {"sop_instance_uid": sop_instance_uid_of(values)}
        except Invalid:
            return None
        raw = bytes(buffer[:length])
        header.__dict__.pop("packed", None)
        header.__dict__.update(
            new, instance_number=values.integer(0x00200013), raw=raw, short=raw, header_length=length
        )
        if moved and before.layout is not None:
            header.__dict__.pop("packed_layout", None)
            header.__dict__["layout"] = replace(before.layout, offset=before.layout.offset + moved)
        return EarlyHeader(header, pixels, self.early.pixels_end + moved, self.early.structure)


class HeaderReader:
    """Reads the headers of what comes over one association, each from its first bytes. Not to be shared by threads."""

    def __init__(self, node_charset: str) -> None:
        self._node_charset = node_charset
        self._last: _Image | None = None
        self._transfer_syntax_uid = ""
        self.alike = self.unlike = 0

    def read_early(self, beginning: Buffer, transfer_syntax_uid: str) -> EarlyHeader | None:
        """See `storage.header.read_early`."""
        last = self._last if self._transfer_syntax_uid == transfer_syntax_uid else None
        early = last.next(beginning) if last is not None else None
        if early is not None:
            self.alike += 1
            return early
        self.unlike += 1
        early = read_early(beginning, transfer_syntax_uid, self._node_charset)
        self._transfer_syntax_uid = transfer_syntax_uid
        is_worth_it = early is not None and self.unlike - self.alike <= _TRIES
        self._last = _image(early, beginning) if early is not None and is_worth_it else None
        return early


def _image(early: EarlyHeader, buffer: Buffer) -> _Image | None:
    encoding = Encoding.of(early.header.transfer_syntax_uid)
    places = early.structure.top.places
    own = sorted((place[1], tag) for tag in _OWN if (place := places.get(tag)) is not None)
    plain = all(places[tag][0] in (_OWN[tag], b"") and places[tag][2] >= 0 for _, tag in own)
    if not plain or not encoding.little_endian:
        return None
    fixed = _fixed(early.structure, early.pixels_start, encoding)
    stretches = tuple(
        _stretches(bytes(buffer[: early.pixels_start]), fixed, [places[tag] for _, tag in own], encoding)
    )
    return _Image(early, encoding, tuple(tag for _, tag in own), stretches)


def _fixed(structure: Structure, end: int, encoding: Encoding) -> bytearray:
    """Ones where a byte must be as it was."""
    fixed = bytearray(b"\xff") * end
    for tag, (vr, offset, length) in structure.top.places.items():
        if length > 0 and tag not in _READ and _is_free(tag, vr, encoding):
            fixed[offset : offset + length] = bytes(length)
    return fixed


def _is_free(tag: int, vr: bytes, encoding: Encoding) -> bool:
    """Whether nothing depends on its value: it is plain, and no text."""
    if encoding.implicit_vr:
        return tag in DicomDictionary and tag not in SEQUENCE_TAGS and tag not in TEXT_TAGS
    return vr in SHORT_VRS and vr not in TEXT_VRS


def _stretches(data: bytes, fixed: bytearray, own: list[Place], encoding: Encoding) -> Iterator[_Stretch]:
    start, length_bytes = 0, 4 if encoding.implicit_vr else 2
    for end, following in [
        *((place[1] - length_bytes, place[1] + place[2]) for place in own),
        (len(data), 0),
    ]:
        value, mask = int.from_bytes(data[start:end], "little"), int.from_bytes(fixed[start:end], "little")
        yield _Stretch(start, end - start, value & mask, mask)
        start = following

"""Single attributes of an encoded data set, decoded as pydicom decodes them, without its objects.

Receiving reads some 25 values of every instance. The ordinary ones are cut out of the bytes and decoded here; a value
whose VR is not its dictionary's goes through pydicom's own conversion.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from storage.dataset import CHARSET_TAG, parse, places_of
from storage.structure import Buffer, Encoding, Place, Structure
from storage.text import Charset, are_defined, choose_charset, decode_text, encodings_of

UN_LIMIT = 0xFFFF
"""From this length on UN may be meant, as no short VR could hold the value (PS3.5 6.2.2 note 1)."""

TEXT_VRS = frozenset({b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"})
TEXT_TAGS = frozenset(tag for tag, entry in DicomDictionary.items() if entry[0].encode() in TEXT_VRS)
_BINARY_VRS = frozenset({b"", b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})


@dataclass(frozen=True, slots=True)
class Values:
    """The outermost elements of a data set; `encodings` are Python's names of its character sets."""

    buffer: Buffer
    places: dict[int, Place]
    encoding: Encoding
    encodings: tuple[str, ...]

    def text(self, tag: int) -> str:
        """All values of a dictionary attribute joined by backslashes; empty if it is absent or cannot be read."""
        place = self.places.get(tag)
        if place is None or place[2] <= 0:
            return ""
        vr = DicomDictionary[tag][0]
        if not _is_as_expected(place, vr) or vr not in _TEXT_READERS:
            return _joined(self._converted(tag, place))
        return _TEXT_READERS[vr](self._bytes(place), self.encodings)

    def integer(self, tag: int) -> int | None:
        """The first value of an IS or US attribute; None if it is absent or no integer of 32 bits."""
        place = self.places.get(tag)
        if place is None or place[2] <= 0:
            return None
        value: int | None
        try:
            value = self._integer(tag, place)
        except ValueError:
            value = _integer(self._converted(tag, place))
        return value if value is not None and -(2**31) <= value < 2**31 else None

    def binary(self, tag: int) -> bytes:
        """The bytes of a binary attribute; empty if it is absent or not binary."""
        place = self.places.get(tag)
        return self._bytes(place) if place is not None and place[2] > 0 and place[0] in _BINARY_VRS else b""

    def _bytes(self, place: Place) -> bytes:
        return bytes(self.buffer[place[1] : place[1] + place[2]])

    def _integer(self, tag: int, place: Place) -> int:
        vr = DicomDictionary[tag][0]
        if _is_as_expected(place, vr) and vr == "IS":
            return int(self._bytes(place).decode("latin-1").rstrip(" \0"))
        if _is_as_expected(place, vr) and vr == "US" and place[2] % 2 == 0:
            first: int = struct.unpack_from(self.encoding.byte_order + "H", self.buffer, place[1])[0]
            return first
        raise ValueError

    def _converted(self, tag: int, place: Place) -> Any:
        vr, _, length = place
        raw = RawDataElement(
            BaseTag(tag),
            vr.decode("latin-1") or None,
            length,
            self._bytes(place),
            0,
            self.encoding.implicit_vr,
            self.encoding.little_endian,
        )
        try:
            return convert_raw_data_element(raw, encoding=list(self.encodings)).value
        except Exception:  # many kinds, and each means that the value cannot be read
            return None


def _is_as_expected(place: Place, vr: str) -> bool:
    written = place[0]
    return not written or written == vr.encode() or (written == b"UN" and place[2] < UN_LIMIT)


def _integer(value: Any) -> int | None:
    first = value[0] if isinstance(value, list | tuple) and value else value
    try:
        return int(str(first).strip())
    except ValueError:
        return None


def _joined(value: Any) -> str:
    if value is None:
        return ""
    many = isinstance(value, MultiValue | list | tuple)
    return "\\".join(str(item) for item in value) if many else str(value)


def read_string(value: bytes, _encodings: tuple[str, ...]) -> str:
    """AS, CS, DA, DT, TM: the default repertoire."""
    return value.decode("latin-1").rstrip(" \0")


def read_uid(value: bytes, _encodings: tuple[str, ...]) -> str:
    """UI."""
    return value.decode("latin-1").rstrip(" \0").strip()


def read_text(value: bytes, encodings: tuple[str, ...]) -> str:
    """LO, SH, UC: each value loses its padding."""
    text = decode_text(value, encodings)
    if "\\" in text:
        return "\\".join(part.rstrip("\0 ") for part in text.split("\\"))
    return text.rstrip("\0 ")


def read_name(value: bytes, encodings: tuple[str, ...]) -> str:
    """PN: empty component groups at the end of a name fall away (PS3.5 6.2.1.1)."""
    text = decode_text(value.rstrip(b"\0 "), encodings)
    return "\\".join(name.rstrip("=") for name in text.split("\\"))


_TEXT_READERS: dict[str, Callable[[bytes, tuple[str, ...]], str]] = {
    "CS": read_string,
    "DA": read_string,
    "LO": read_text,
    "PN": read_name,
    "SH": read_text,
    "TM": read_string,
    "UI": read_uid,
}


def read_values(
    buffer: Buffer, start: int, structure: Structure, encoding: Encoding, node_charset: str
) -> tuple[Values, Charset]:
    """The values of the data set at `start`, whose walk gave `structure`, and the character set of its texts.

    Raises `Invalid` if it cannot be read.
    """
    places = structure.top.places
    declared = _declared(buffer, places.get(CHARSET_TAG)) if structure.regular else None
    if declared is None:
        # something is not as it should be: what is there, and whether it can be read at all, is pydicom's to say
        dataset = parse(bytes(buffer[start : structure.header_end]), encoding)
        places = places_of(dataset, start)
        declared = _declared_oddly(dataset)
    charset = choose_charset(declared, node_charset, _text_samples(buffer, places))
    return Values(buffer, places, encoding, encodings_of(charset.terms)), charset


def _declared(buffer: Buffer, place: Place | None) -> list[str] | None:
    """The values of (0008,0005); None if they are no defined terms."""
    if place is None:
        return []
    vr, offset, length = place
    if vr not in (b"", b"CS") or length < 0:
        return None
    terms = bytes(buffer[offset : offset + length]).decode("ascii", "replace").strip(" \0").split("\\")
    return terms if are_defined(term.strip() for term in terms) else None


def _declared_oddly(dataset: Dataset) -> list[str]:
    element: Any = dict(dataset.items()).get(BaseTag(CHARSET_TAG))
    if element is None:
        return []
    raw = element.value
    text: str = raw.decode("ascii", "replace") if isinstance(raw, bytes) else "\\".join(_strings(raw))
    return text.strip(" \0").split("\\")


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or []]


def _text_samples(buffer: Buffer, places: dict[int, Place]) -> list[bytes]:
    """The raw bytes of outermost text values."""
    return [
        bytes(buffer[offset : offset + length])
        for tag, (vr, offset, length) in places.items()
        if length > 0 and (vr in TEXT_VRS or (not vr and tag in TEXT_TAGS))
    ]

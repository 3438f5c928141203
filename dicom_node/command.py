"""Command sets (PS3.7 6.3 and Annex E): group 0000, always implicit VR little endian, a dozen short elements.

Every message begins with one, so this is on the way of every image: a plain dictionary by keyword and a dozen lines
of `struct` instead of a `Dataset`, which takes longer to build and validate than a small image takes to receive.
Services that want a `Dataset` get one from `as_dataset`. The tests compare both ways with pydicom and pynetdicom.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from pydicom import Dataset
from pydicom._dicom_dict import DicomDictionary

from storage.errors import Invalid
from storage.structure import tag_name

Value = str | int | list[int] | list[str]
Command = dict[str, Value]
"""Values by keyword. A tag or a list of tags is an integer or a list of them."""

C_STORE, C_GET, C_FIND, C_MOVE, C_ECHO, C_CANCEL = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0FFF
N_EVENT_REPORT, N_ACTION = 0x0100, 0x0130
RESPONSE = 0x8000
"""A command field with this bit is that request's response (PS3.7 E.1)."""
NO_DATA_SET = 0x0101
_NAMES = {tag: (entry[4], entry[0]) for tag, entry in DicomDictionary.items() if tag >> 16 == 0}
_TAGS = {keyword: (tag, vr) for tag, (keyword, vr) in _NAMES.items()}
_GROUP_LENGTH = 0x00000000
_NUMBERS = {"US": "H", "UL": "L", "AT": "HH"}


def decode(data: bytes | bytearray) -> Command:
    """Raises `Invalid` where the bytes are no command set. Elements that PS3.7 does not know are passed over."""
    command: Command = {}
    position, size = 0, len(data)
    while position < size:
        if size - position < 8:
            raise Invalid("a command set ends inside an element")
        group, number, length = struct.unpack_from("<HHL", data, position)
        position += 8
        if group != 0 or length > size - position:
            raise Invalid("a command set holds something else than command elements")
        if number and (known := _NAMES.get(number)):
            command[known[0]] = _value(number, known[1], bytes(data[position : position + length]))
        position += length
    return command


def _value(tag: int, vr: str, raw: bytes) -> Value:
    if vr not in _NUMBERS:
        return raw.decode("latin-1").strip(" \0")
    form = _NUMBERS[vr]
    size = struct.calcsize("<" + form)
    if not raw or len(raw) % size:
        raise Invalid(f"{tag_name(tag)} has a value of {len(raw)} bytes")
    numbers = struct.unpack(f"<{form * (len(raw) // size)}", raw)
    if vr == "AT":
        numbers = tuple(high << 16 | low for high, low in zip(numbers[::2], numbers[1::2], strict=True))
    return numbers[0] if len(numbers) == 1 else list(numbers)


def encode(command: Mapping[str, Value]) -> bytes:
    """The elements in the order of their tags, the group length before them (PS3.7 6.3.1)."""
    body = b"".join(
        _element(*_TAGS[keyword], command[keyword]) for keyword in sorted(command, key=_TAGS.__getitem__)
    )
    return struct.pack("<LLL", _GROUP_LENGTH, 4, len(body)) + body


def _element(tag: int, vr: str, value: Value) -> bytes:
    raw = _raw(vr, value)
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(raw)) + raw


def _raw(vr: str, value: Value) -> bytes:
    if vr not in _NUMBERS:
        text = "\\".join(value) if isinstance(value, list) else str(value)  # type: ignore[arg-type]
        raw = text.encode("latin-1", "replace")
        return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)
    numbers = [int(number) for number in (value if isinstance(value, list) else [value])]
    if vr == "AT":
        return b"".join(struct.pack("<HH", number >> 16, number & 0xFFFF) for number in numbers)
    return struct.pack(f"<{len(numbers)}{_NUMBERS[vr]}", *numbers)


def as_dataset(command: Mapping[str, Value]) -> Dataset:
    """The same as pydicom has it, for services that look into it."""
    dataset = Dataset()
    for keyword, value in command.items():
        setattr(dataset, keyword, value)
    return dataset


def number(command: Mapping[str, Value], keyword: str) -> int:
    """A number that must be there. Raises `Invalid`, naming it."""
    value = command.get(keyword)
    if not isinstance(value, int):
        raise Invalid(f"{tag_name(_TAGS[keyword][0])} is missing in a command set")
    return value


def require_complete(command: Mapping[str, Value]) -> None:
    """What every message must say, or nothing can be answered (PS3.7 9.3, 10.3). Raises `Invalid`, naming it."""
    number(command, "CommandDataSetType")
    field = number(command, "CommandField")
    if field & RESPONSE or field == C_CANCEL:
        number(command, "MessageIDBeingRespondedTo")
    else:
        number(command, "MessageID")
    if field & RESPONSE:
        number(command, "Status")


def text(command: Mapping[str, Value], keyword: str) -> str:
    """A text or UID; empty where it is absent."""
    value = command.get(keyword, "")
    return value if isinstance(value, str) else ""

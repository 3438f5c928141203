"""The file form of an instance (PS3.10 section 7) and how any file we are given becomes ours.

We keep a data set exactly as it came and write the file meta information before it ourselves, always the same for
the same (SOP class, instance, transfer syntax). So the stored file, and its hash, depend on the data set alone,
not on the road it came by.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pydicom
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.errors import Invalid
from storage.identity import required_uid
from storage.structure import Buffer

IMPLEMENTATION_CLASS_UID = "2.25.203894116507126984501771352480171503771"
IMPLEMENTATION_VERSION_NAME = "FARLIGHT_1"
_PREAMBLE = b"\0" * 128 + b"DICM"


@dataclass(frozen=True)
class FileInfo:
    """Where the data set begins in a given file and how it is encoded."""

    dataset_offset: int
    transfer_syntax_uid: str


def file_header(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble and file meta information (PS3.10 7.1), explicit VR little endian. UIDs without padding."""
    elements = b"".join(
        (
            _VERSION,
            _short_element(0x0002, b"UI", sop_class_uid),
            _short_element(0x0003, b"UI", sop_instance_uid),
            _short_element(0x0010, b"UI", transfer_syntax_uid),
            _IMPLEMENTATION,
        )
    )
    return _PREAMBLE + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)) + elements


def _short_element(number: int, vr: bytes, text: str) -> bytes:
    """An element of group 0002 with a length of 16 bits; a UID is padded with NUL, other text with a blank."""
    value = text.encode("ascii", "replace")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value


_VERSION = struct.pack("<HH2sHL2s", 2, 1, b"OB", 0, 2, b"\0\1")
_IMPLEMENTATION = _short_element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID) + _short_element(
    0x0013, b"SH", IMPLEMENTATION_VERSION_NAME
)


def inspect_file(buffer: Buffer) -> FileInfo:
    """Find the data set in a file. Raises `Invalid` for what is no DICOM.

    A file without preamble or meta information is accepted if it begins like a data set: old devices and export
    tools write such files.
    """
    if bytes(buffer[128:132]) == b"DICM":
        return _after_meta(buffer, 132)
    if len(buffer) >= 8 and bytes(buffer[0:4]) == b"\x02\x00\x00\x00":
        return _after_meta(buffer, 0)
    return FileInfo(0, _guess_syntax(buffer, 0))


def _after_meta(buffer: Buffer, start: int) -> FileInfo:
    """Read group 0002: explicit VR little endian, elements of it whatever the group length says."""
    position, transfer_syntax = start, ""
    while position + 8 <= len(buffer) and bytes(buffer[position : position + 2]) == b"\x02\x00":
        number, vr = struct.unpack_from("<H2s", buffer, position + 2)
        long_form = vr in (b"OB", b"OW", b"UN", b"UT", b"SQ")
        if long_form and position + 12 > len(buffer):
            raise Invalid("the file ends inside its meta information (group 0002)")
        length = struct.unpack_from("<L" if long_form else "<H", buffer, position + (8 if long_form else 6))[
            0
        ]
        value = position + (12 if long_form else 8)
        if value + length > len(buffer):
            raise Invalid("the file ends inside its meta information (group 0002)")
        if number == 0x0010:
            transfer_syntax = bytes(buffer[value : value + length]).decode("ascii", "replace")
        position = value + length
    if not transfer_syntax.strip(" \0"):
        return FileInfo(position, _guess_syntax(buffer, position))
    return FileInfo(position, required_uid(transfer_syntax, "(0002,0010) TransferSyntaxUID"))


def _guess_syntax(buffer: Buffer, position: int) -> str:
    """From the first element's shape (PS3.5 7.1), or `Invalid`: real data sets begin with a low group."""
    head = bytes(buffer[position : position + 8])
    if len(head) == 8:
        little, big = struct.unpack("<H", head[:2])[0], struct.unpack(">H", head[:2])[0]
        explicit = head[4:6].isalpha() and head[4:6].isupper()
        if little in (0x0004, 0x0008, 0x0010):
            return str(ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian)
        if big in (0x0004, 0x0008, 0x0010) and explicit:
            return str(ExplicitVRBigEndian)
    raise Invalid("not a DICOM file: no 'DICM' at byte 128 and no data set at its beginning")


def is_directory(buffer: Buffer) -> bool:
    """Whether this is a DICOMDIR (PS3.10 section 8), a list of files rather than an instance."""
    return pydicom.uid.MediaStorageDirectoryStorage.encode() in bytes(buffer[132:400])

"""The bytes of a stored instance for a receiver: as they are stored wherever that is possible, else re-encoded.

What the receiver takes as it is goes from the blob to the wire in pieces. Everything else is written, re-encoded,
into an unnamed file first: whatever goes wrong on the way is known before the first byte is sent.
"""

from __future__ import annotations

import mmap
import struct
import tempfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from typing import IO

from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_node.decompression import can_decompress, decompress_frame
from dicom_node.frame_form import describe, frame_form
from dicom_node.recode import head, recode, swapped
from dicom_node.services import Context
from storage.archive import Archive
from storage.errors import Error, Invalid, Unavailable
from storage.frames import PixelLayout, encapsulated_layout, join_fragments
from storage.header import MAX_INFLATED
from storage.kept_bytes import kept_chunks
from storage.structure import Buffer, Element, Encoding, tag_name, walk

CHUNK = 1 << 20
UNCOMPRESSED = (
    str(ExplicitVRLittleEndian),
    str(ImplicitVRLittleEndian),
    str(DeflatedExplicitVRLittleEndian),
    str(ExplicitVRBigEndian),
)
"""What an instance can be re-encoded to, the best first."""
_LONGEST_VALUE = 0xFFFFFFFE
_PIXEL_DATA = 0x7FE00010
_PIXEL_VRS = {0x7FE00008: "OF", 0x7FE00009: "OD", _PIXEL_DATA: "OW"}


@dataclass(frozen=True)
class Outgoing:
    """What sending an instance needs to know of it; its fields are columns of the index."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    number_of_frames: int
    blob_key: str
    blob_offset: int
    length: int
    dataset_offset: int


def encodings(transfer_syntax_uid: str) -> tuple[str, ...]:
    """The transfer syntaxes in which an instance stored in this one can go out, the best first."""
    encodable = transfer_syntax_uid in UNCOMPRESSED or can_decompress(transfer_syntax_uid)
    return tuple(dict.fromkeys((transfer_syntax_uid, *(UNCOMPRESSED if encodable else ()))))


def usable_context(contexts: Iterable[Context], found: Outgoing) -> Context | None:
    """Of the contexts over which we may send, the best for this instance."""
    usable = {each.transfer_syntax: each for each in contexts if each.abstract_syntax == found.sop_class_uid}
    return next((usable[syntax] for syntax in encodings(found.transfer_syntax_uid) if syntax in usable), None)


@contextmanager
def data_set(archive: Archive, found: Outgoing, transfer_syntax_uid: str) -> Iterator[Iterator[Buffer]]:
    """The data set in this transfer syntax, one of `encodings`, in pieces, to be used within the block.

    Raises `Invalid` where it cannot be re-encoded, `Corrupt` or `Unavailable` where it cannot be read, also while
    the pieces are taken.
    """
    if transfer_syntax_uid == found.transfer_syntax_uid:
        yield _begun(_stored(archive, found))
        return
    with tempfile.TemporaryFile(dir=archive.incoming) as file:
        try:
            _write_recoded(archive, found, transfer_syntax_uid, file)
        except Error:
            raise
        except OSError as why:
            raise Unavailable(f"the folder for temporary files cannot be used: {why.strerror}") from why
        except Exception as why:  # pydicom raises many kinds on broken data, and each means the same here
            raise Invalid(f"the data set cannot be re-encoded ({type(why).__name__})") from why
        file.seek(0)
        yield iter(lambda: file.read(CHUNK), b"")


def _stored(archive: Archive, found: Outgoing) -> Iterator[bytes]:
    return kept_chunks(archive.blobs, found, found.dataset_offset)


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same, two pieces read ahead, so that a blob that is not there, or is shorter than one piece and than the
    index says, is known in time."""
    ahead = list(islice(chunks, 2))
    return chain(ahead, chunks)


def _write_recoded(archive: Archive, found: Outgoing, transfer_syntax_uid: str, file: IO[bytes]) -> None:
    with tempfile.TemporaryFile(dir=archive.incoming) as original:
        chunks = _stored(archive, found)
        if found.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            chunks = _inflated(chunks)
        for chunk in chunks:
            original.write(chunk)
        original.flush()
        if original.tell() == 0:
            raise Invalid("the data set is empty")
        with mmap.mmap(original.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            pieces = _recoded(view, found, Encoding.of(transfer_syntax_uid))
            if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
                pieces = _deflated(pieces)
            file.writelines(pieces)


def _recoded(view: memoryview, found: Outgoing, target: Encoding) -> Iterator[bytes]:
    """Header, pixels, and what follows them, each in its new encoding."""
    source = Encoding.of(found.transfer_syntax_uid)
    structure = walk(view, 0, source)
    header = _read(view, 0, structure.header_end, source)
    pixels = structure.pixel_data
    if pixels is None:
        yield recode(header, source, target)
        return
    if UID(found.transfer_syntax_uid).is_encapsulated:
        rest = yield from _decompressed(view, found, header, pixels, source, target)
    else:
        rest = yield from _native(view, header, pixels, source, target)
    yield recode(_read(view, rest, len(view), source), source, target)


def _read(view: memoryview, start: int, end: int, encoding: Encoding) -> Dataset:
    """A part of the data set, its values not decoded. What only fills the file's last block is no element."""
    data = bytes(view[start:end])
    if not any(data):
        return Dataset()
    return read_dataset(BytesIO(data), encoding.implicit_vr, encoding.little_endian)


def _native(
    view: memoryview, header: Dataset, pixels: Element, source: Encoding, target: Encoding
) -> Generator[bytes, None, int]:
    """Header and pixels of an uncompressed instance; returns where the pixels end."""
    if pixels.length is None:
        raise Invalid(f"{tag_name(pixels.tag)} of an uncompressed instance has no length")
    end = pixels.value_offset + pixels.length
    vr = pixels.vr.decode() or _PIXEL_VRS[pixels.tag]
    word_bytes = 1
    if source.little_endian != target.little_endian:
        word_bytes = _word_bytes(vr, int(header.get("BitsAllocated") or 8))
    yield recode(header, source, target)
    yield head(pixels.tag, vr, pixels.length, target)
    for start in range(pixels.value_offset, end, CHUNK):
        yield swapped(bytes(view[start : min(start + CHUNK, end)]), word_bytes)
    return end


def _word_bytes(vr: str, bits_allocated: int) -> int:
    """How many bytes change places together; OW holds samples of one byte in pairs (PS3.5 Annex D.2)."""
    return {"OB": 1, "OF": 4, "OD": 8}.get(vr, max(bits_allocated // 8, 2))


def _decompressed(
    view: memoryview, found: Outgoing, header: Dataset, pixels: Element, source: Encoding, target: Encoding
) -> Generator[bytes, None, int]:
    """Header and pixels of a compressed instance, one frame in memory at a time; returns where the pixels end."""
    layout = encapsulated_layout(view, pixels, found.number_of_frames, _extended_offsets(header))
    frames = (
        decompress_frame(form, _frame(view, layout, number), found.transfer_syntax_uid)
        for form in [frame_form(header)]
        for number in range(1, found.number_of_frames + 1)
    )
    first = next(frames)
    length = len(first.data) * found.number_of_frames
    if length > _LONGEST_VALUE:
        raise Invalid(f"{tag_name(_PIXEL_DATA)} would be too long without compression")
    _without_offsets(header)
    describe(header, first.form)
    yield recode(header, source, target)
    yield head(_PIXEL_DATA, "OW" if first.form.sample_bytes > 1 else "OB", length + length % 2, target)
    for frame in chain([first], frames):
        if frame.form != first.form or len(frame.data) != len(first.data):
            raise Invalid(f"{tag_name(_PIXEL_DATA)}: the compressed frames are not of one kind")
        yield frame.data if target.little_endian else swapped(frame.data, max(first.form.sample_bytes, 1))
    yield b"\0" * (length % 2)
    return pixels.value_offset + layout.length


def _frame(view: memoryview, layout: PixelLayout, frame_number: int) -> bytes:
    place = layout.frame(frame_number)
    return join_fragments(bytes(view[place.start : place.end]))


def _extended_offsets(header: Dataset) -> tuple[int, ...]:
    """(7FE0,0001), PS3.3 C.7.6.3.1.8."""
    value = header.get("ExtendedOffsetTable") or b""
    return struct.unpack(f"<{len(value) // 8}Q", value[: len(value) // 8 * 8])


def _without_offsets(header: Dataset) -> None:
    """The tables of offsets and lengths belong to encapsulated pixels only."""
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in header:
            del header[keyword]


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """PS3.5 A.5. Raises `Invalid` for what cannot be inflated or unfolds beyond all bounds."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size = 0
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting and not inflater.eof:  # what follows the stream is no part of it
                piece = inflater.decompress(waiting, CHUNK)
                size += len(piece)
                if size > MAX_INFLATED:
                    raise Invalid(f"the deflated data set unfolds to more than {MAX_INFLATED >> 20} MiB")
                yield piece
                waiting = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as why:
        raise Invalid(f"the deflated data set cannot be inflated: {why}") from why


def _deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Raw deflate, padded to an even length (PS3.5 A.5)."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = 0
    for piece in pieces:
        size += len(out := deflater.compress(piece))
        yield out
    size += len(out := deflater.flush())
    yield out + b"\0" * (size % 2)

"""Frames as Explicit VR Little Endian has them (PS3.5 8.2, PS3.18 8.7.3.3)."""

from __future__ import annotations

from collections.abc import Callable

from pydicom import Dataset

from storage.archive import Archive
from storage.bulkdata import pixel_vr
from storage.errors import NotFound
from storage.json_model import WORD_BYTES, little_endian
from storage.kept_bytes import read_kept
from storage.retrieve import StoredFrame, StoredInstance, read_dataset_bytes, read_frame
from viewer_api.dicomweb.media_types import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, is_native
from viewer_api.dicomweb.render_header import render_header
from viewer_api.render import transcode_frame

_FLOATING = (32, 64)


def stored_frame(archive: Archive, found: StoredInstance, frame_number: int) -> StoredFrame:
    """The frame as it lies, but for big endian ones, which come little endian, as DICOMweb knows no other.

    Raises `NotFound` for a frame, or pixels, that are not there.
    """
    if found.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        return _turned_frame(archive, found, frame_number)
    frame = read_frame(archive, found, frame_number)
    if frame is None:
        raise NotFound("this instance has no pixels")
    return frame


def frame_syntax(found: StoredInstance) -> str:
    """The transfer syntax of what `stored_frame` gives."""
    is_big_endian = found.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    return EXPLICIT_VR_LITTLE_ENDIAN if is_big_endian else found.transfer_syntax_uid


def native_frame(archive: Archive, found: StoredInstance, frame_number: int) -> bytes:
    """The frame uncompressed and little endian.

    Native pixels keep what the metadata says of them: samples, planes and colour as stored. Compressed ones come
    decoded, colour as RGB with the samples of a pixel together.
    """
    return uncompressed(archive, found, frame_number, stored_frame(archive, found, frame_number))


def uncompressed(archive: Archive, found: StoredInstance, frame_number: int, frame: StoredFrame) -> bytes:
    """The same of a frame that `stored_frame` gave."""
    if is_native(found.transfer_syntax_uid) and frame.bit_offset == 0:
        return frame.data
    header = render_header(archive, found)
    return transcode_frame(
        header,
        frame.data,
        transfer_syntax_uid=frame_syntax(found),
        frame_number=frame_number,
        bit_offset=frame.bit_offset,
        pixel_vr=floating_vr(archive, found, header),
    )


def inflated_frames(archive: Archive, found: StoredInstance) -> Callable[[int], StoredFrame]:
    """`stored_frame` of a deflated instance, for many frames: all of it is inflated, once."""
    layout, data = found.layout, read_dataset_bytes(archive, found)

    def frame(frame_number: int) -> StoredFrame:
        if layout is None:
            raise NotFound("this instance has no pixels")
        place = layout.frame(frame_number)
        return StoredFrame(data[place.start : place.end], place.bit_offset)

    return frame


def floating_vr(archive: Archive, found: StoredInstance, header: Dataset) -> str | None:
    """The pixels' VR where it decides between whole and floating point numbers."""
    return pixel_vr(archive, found) if header.get("BitsAllocated") in _FLOATING else None


def _turned_frame(archive: Archive, found: StoredInstance, frame_number: int) -> StoredFrame:
    """Bytes are turned within words, and a frame of 8-bit samples may begin in the middle of one (PS3.5 7.3)."""
    layout = found.layout
    if layout is None:
        raise NotFound("this instance has no pixels")
    place, word = layout.frame(frame_number), _word_bytes(archive, found)
    first = (place.start - layout.offset) // word * word
    last = min(-(-(place.end - layout.offset) // word) * word, layout.length)
    start = found.dataset_offset + layout.offset + first
    turned = little_endian(read_kept(archive.blobs, found, start, last - first), _VR_OF[word])
    skipped = place.start - layout.offset - first
    return StoredFrame(turned[skipped : skipped + place.end - place.start], place.bit_offset)


_VR_OF = {1: "OB", 2: "OW", 4: "OF", 8: "OD"}


def _word_bytes(archive: Archive, found: StoredInstance) -> int:
    """How many bytes were written as one number: under OW at least two, whatever a sample takes."""
    vr = pixel_vr(archive, found) or "OW"
    allocated = render_header(archive, found).get("BitsAllocated")
    samples = allocated // 8 if allocated in (16, 32, 64) else 1
    return max(WORD_BYTES.get(vr, 1), samples if vr == "OW" else 1)

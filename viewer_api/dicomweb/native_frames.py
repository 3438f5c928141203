"""Frames as Explicit VR Little Endian has them (PS3.5 8.2, PS3.18 8.7.3.3)."""

from __future__ import annotations

from pydicom import Dataset

from storage.archive import Archive
from storage.bulkdata import complete_header, pixel_vr
from storage.errors import NotFound
from storage.json_model import WORD_BYTES, little_endian
from storage.retrieve import StoredFrame, StoredInstance, read_frame
from viewer_api.dicomweb.media_types import EXPLICIT_VR_BIG_ENDIAN, is_native
from viewer_api.render import transcode_frame

_WORDS = {16: "OW", 32: "OF", 64: "OD"}


def stored_frame(archive: Archive, found: StoredInstance, frame_number: int) -> StoredFrame:
    """The frame's bytes as they lie. Raises `NotFound` for a frame, or pixels, that are not there."""
    frame = read_frame(archive, found, frame_number)
    if frame is None:
        raise NotFound("this instance has no pixels")
    return frame


def native_frame(archive: Archive, found: StoredInstance, frame_number: int) -> bytes:
    """The frame uncompressed and little endian.

    Native pixels keep what the metadata says of them: samples, planes and colour as stored, only the byte order is
    turned. Compressed ones come decoded, colour as RGB with the samples of a pixel together.
    """
    frame = stored_frame(archive, found, frame_number)
    if is_native(found.transfer_syntax_uid) and frame.bit_offset == 0:
        if found.transfer_syntax_uid != EXPLICIT_VR_BIG_ENDIAN:
            return frame.data
        word = _word(archive, found)
        if len(frame.data) % WORD_BYTES.get(word, 1) == 0:
            return little_endian(frame.data, word)
    return transcode_frame(
        complete_header(archive, found),
        frame.data,
        transfer_syntax_uid=found.transfer_syntax_uid,
        frame_number=frame_number,
        bit_offset=frame.bit_offset,
        pixel_vr=render_vr(archive, found, found.header),
    )


def _word(archive: Archive, found: StoredInstance) -> str:
    """The VR that tells how many bytes were written as one number: 8-bit samples in OW lie in words of two."""
    vr = pixel_vr(archive, found) or "OW"
    allocated = found.header.get("BitsAllocated")
    return vr if vr != "OW" else _WORDS.get(int(allocated or 16), "OW")


def render_vr(archive: Archive, found: StoredInstance, header: Dataset) -> str | None:
    """The pixels' VR where decoding depends on it: floating point, and 8 bits in a big endian file."""
    doubtful = found.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN or header.get("BitsAllocated") in (32, 64)
    return pixel_vr(archive, found) if doubtful else None

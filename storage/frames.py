"""Where each frame's bytes lie in an instance (PS3.5 Annex A.4), found once, at ingest.

A frame is then one range read of the object store. Native frames follow one another at a fixed length; an
encapsulated frame is a run of fragments, each with an 8-byte item header that `join_fragments` removes.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

from storage.errors import Invalid, NotFound
from storage.structure import ITEM, SEQUENCE_END, Buffer, Element

_MAX_FRAMES = 2_000_000
_FREE_FRAGMENTS = 1024
"""So many are not looked at; of more there must not be too many for the frames or the bytes."""
FRAGMENTS_PER_FRAME = 64
_SPAN, _SHORT_SPAN = 512, 16
"""Bytes for each fragment with its head: of a frame cut into many, and of the smallest frames there are."""


@dataclass(frozen=True)
class PixelShape:
    """What the header says of the pixels; `bits_allocated` is per sample."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    number_of_frames: int
    subsampled: bool = False
    """YBR_FULL_422 native: two luminance samples share one pair of chrominance samples (PS3.3 C.7.6.3.1.2)."""

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame."""
        if self.subsampled:
            return self.rows * self.columns * 2 * self.bits_allocated
        return self.rows * self.columns * self.samples_per_pixel * self.bits_allocated

    @property
    def padded_frame_bits(self) -> int:
        """The same where an encoder completes the last pair of each subsampled row of odd width."""
        return self.rows * (self.columns + self.columns % 2) * 2 * self.bits_allocated


@dataclass(frozen=True)
class FrameRange:
    """One frame in the instance's bytes: a half-open range, and for 1-bit images the bit at which it starts."""

    start: int
    end: int
    encapsulated: bool
    bit_offset: int = 0


@dataclass(frozen=True)
class PixelLayout:
    """All frames of one instance. `spans` is empty for native pixels, which `offset` and `frame_bits` describe."""

    offset: int
    length: int
    number_of_frames: int
    frame_bits: int = 0
    spans: tuple[tuple[int, int], ...] = ()
    problem: str = ""
    """Why frames cannot be told apart, in words for whoever asks for one; empty if they can."""

    def frame(self, frame_number: int) -> FrameRange:
        """The range of frame `frame_number`, counted from 1."""
        if self.problem:
            raise Invalid(self.problem, code="NOT_RENDERABLE")
        if not 1 <= frame_number <= self.number_of_frames:
            raise NotFound(f"frame {frame_number} does not exist: the instance has {self.number_of_frames}")
        if self.spans:
            start, end = self.spans[frame_number - 1]
            return FrameRange(start, end, encapsulated=True)
        first_bit = (frame_number - 1) * self.frame_bits
        last_bit = first_bit + self.frame_bits
        return FrameRange(
            self.offset + first_bit // 8,
            self.offset + (last_bit + 7) // 8,
            encapsulated=False,
            bit_offset=first_bit % 8,
        )

    def to_bytes(self) -> bytes:
        """A compact form for the index."""
        fields = [self.offset, self.length, self.number_of_frames, self.frame_bits, self.spans, self.problem]
        return zlib.compress(json.dumps(fields, separators=(",", ":")).encode(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> PixelLayout:
        """The inverse of `to_bytes`."""
        offset, length, frames, frame_bits, spans, problem = json.loads(zlib.decompress(data))
        return cls(offset, length, frames, frame_bits, tuple((s, e) for s, e in spans), problem)


def native_layout(pixel_data: Element, shape: PixelShape) -> PixelLayout:
    """Frames of equal length, one after the other."""
    length = pixel_data.length or 0
    frame_bits = shape.frame_bits
    if shape.subsampled and shape.padded_frame_bits * shape.number_of_frames <= length * 8:
        frame_bits = shape.padded_frame_bits
    needed = (frame_bits * shape.number_of_frames + 7) // 8
    problem = ""
    if frame_bits <= 0:
        problem = "(0028,0010) Rows or (0028,0011) Columns is missing or zero"
    elif needed > length:
        problem = (
            f"(7FE0,0010) PixelData has {length} bytes; {shape.number_of_frames} frames of "
            f"{shape.rows} x {shape.columns} need {needed}"
        )
    return PixelLayout(pixel_data.value_offset, length, shape.number_of_frames, frame_bits, problem=problem)


def encapsulated_layout(
    buffer: Buffer, pixel_data: Element, number_of_frames: int, extended_offsets: tuple[int, ...] = ()
) -> PixelLayout:
    """Group fragments into frames by the extended or basic offset table, or by count (PS3.5 A.4).

    Raises `Invalid` if a fragment leaves the buffer, and for fragments without number and substance.
    """
    items, end = _items(buffer, pixel_data.value_offset, number_of_frames)
    if not items:
        return PixelLayout(
            pixel_data.value_offset, 0, number_of_frames, problem="PixelData holds no fragments"
        )
    table, fragments = items[0], items[1:]
    length = end - pixel_data.value_offset
    offsets = extended_offsets or _basic_offsets(buffer, table)
    try:
        spans = _group(buffer, fragments, number_of_frames, offsets)
    except Invalid as why:
        return PixelLayout(pixel_data.value_offset, length, number_of_frames, problem=why.message)
    return PixelLayout(pixel_data.value_offset, length, number_of_frames, spans=spans)


def join_fragments(data: Buffer) -> bytes:
    """The frame inside a run of fragments: item headers removed."""
    items, _ = _items(data, 0, 1)
    view = memoryview(data)
    return b"".join(view[start + 8 : end] for start, end in items)


def _items(buffer: Buffer, begin: int, number_of_frames: int) -> tuple[list[tuple[int, int]], int]:
    """All items from `begin`: (start of item tag, end of value), and where the sequence ends."""
    items: list[tuple[int, int]] = []
    position = begin
    while position + 8 <= len(buffer):
        group, number, length = struct.unpack_from("<HHL", buffer, position)
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            return items, position + 8
        if tag != ITEM:
            raise Invalid(f"(7FE0,0010) PixelData: byte {position} should begin a fragment and does not")
        if position + 8 + length > len(buffer):
            raise Invalid(
                f"(7FE0,0010) PixelData: a fragment announces {length} bytes, but only "
                f"{len(buffer) - position - 8} follow: the data set is truncated"
            )
        items.append((position, position + 8 + length))
        position += 8 + length
        if len(items) > _FREE_FRAGMENTS and len(items) > _most_fragments(number_of_frames, position - begin):
            raise Invalid(
                f"(7FE0,0010) PixelData: {len(items)} fragments in {position - begin} bytes are too many "
                f"for {number_of_frames} frames"
            )
    return items, position


def _most_fragments(number_of_frames: int, length: int) -> int:
    """Of `length` bytes. Each fragment costs time and memory, however little is in it."""
    fitting = min(FRAGMENTS_PER_FRAME * number_of_frames + length // _SPAN, length // _SHORT_SPAN)
    return min(_FREE_FRAGMENTS + fitting, _MAX_FRAMES)


def _basic_offsets(buffer: Buffer, table: tuple[int, int]) -> tuple[int, ...]:
    start, end = table
    count = (end - start - 8) // 4
    return struct.unpack_from(f"<{count}L", buffer, start + 8) if count else ()


def _group(
    buffer: Buffer, fragments: list[tuple[int, int]], number_of_frames: int, offsets: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    if not fragments:
        raise Invalid("PixelData holds no fragments")
    if number_of_frames == 1:
        return ((fragments[0][0], fragments[-1][1]),)
    if len(fragments) == number_of_frames:
        return tuple(fragments)
    by_table = _group_by_offsets(fragments, number_of_frames, offsets)
    return by_table or _group_by_end_marker(buffer, fragments, number_of_frames)


def _group_by_offsets(
    fragments: list[tuple[int, int]], number_of_frames: int, offsets: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """PS3.5 A.4: offsets count from the first byte of the first fragment's item tag."""
    first, last = fragments[0][0], fragments[-1][1]
    starts = {start for start, _ in fragments}
    absolute = [first + offset for offset in offsets]
    if len(absolute) != number_of_frames or any(start not in starts for start in absolute):
        return ()
    return tuple(pairwise([*absolute, last]))


def _group_by_end_marker(
    buffer: Buffer, fragments: list[tuple[int, int]], number_of_frames: int
) -> tuple[tuple[int, int], ...]:
    """Without a table: JPEG families end an image with FF D9 (ITU-T T.81 B.1.1.3), perhaps padded."""
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for fragment_start, fragment_end in fragments:
        start = fragment_start if start is None else start
        if b"\xff\xd9" in bytes(buffer[max(fragment_start, fragment_end - 4) : fragment_end]):
            spans.append((start, fragment_end))
            start = None
    if len(spans) != number_of_frames or start is not None:
        raise Invalid(
            f"(7FE0,0010) PixelData: {len(fragments)} fragments cannot be told apart into {number_of_frames} "
            "frames: the offset table is missing or wrong"
        )
    return tuple(spans)

"""Compressed text with gaps that are filled when it is given away, without compressing it again (RFC 1951, 1952).

Metadata hold the address of this service in every instance, and the address is another for every way by which people
come to us. So the text is compressed with a gap, always `WIDTH` bytes, in place of each address. The first gap stands
in a stored block, in plain bytes; what deflate writes for the others are references to the first, since a gap holds
bytes that no text holds, in an order that never repeats. Filling the one fills them all. The checksum follows without
reading the text: it is linear, and `Gapped.spread` says what a change in every gap makes of it.

Whether deflate really did so is tried on each text: where not, each gap gets a stored block of its own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage.crc32 import ONE, product, shift, together

WIDTH = 128
"""Bytes that fill a gap."""
GAP = b"\x01" + b"".join(bytes((a, b)) for a in range(2, 9) for b in range(14, 23)) + b"\x1f"
"""What stands in a text where a gap is: control characters, which JSON writes escaped, no three of them twice."""
_LEVEL = 6
_WINDOW = 1 << 15
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"
_FIELDS = struct.Struct("<QLLL")
_TRIAL = bytes(range(0x80, 0x80 + WIDTH))


@dataclass(frozen=True)
class Gapped:
    """A compressed text. `deflated` are blocks that end at a byte, none of them the last; `length` and `crc` are of
    the text with its gaps empty; `gaps` is where, in `deflated`, gaps are to be filled."""

    deflated: bytes
    length: int
    crc: int
    spread: int
    gaps: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """As it is kept."""
        fields = _FIELDS.pack(self.length, self.crc, self.spread, len(self.gaps))
        return fields + struct.pack(f"<{len(self.gaps)}Q", *self.gaps) + self.deflated

    @classmethod
    def from_bytes(cls, data: bytes) -> Gapped:
        """The inverse of `to_bytes`."""
        length, crc, spread, count = _FIELDS.unpack_from(data)
        start = _FIELDS.size + 8 * count
        gaps = struct.unpack_from(f"<{count}Q", data, _FIELDS.size)
        return cls(data[start:], length, crc, spread, gaps)

    def text(self, filling: bytes = GAP) -> bytes:
        """The text itself, its gaps filled with something of any length."""
        text = _inflated(self.deflated, self.length)
        return text if filling == GAP else text.replace(GAP, filling)

    def filled(self, filling: bytes) -> bytes:
        """`deflated` with `WIDTH` bytes in the gaps."""
        data = bytearray(self.deflated)
        for gap in self.gaps:
            data[gap : gap + WIDTH] = filling
        return bytes(data)

    def crc_filled(self, filling: bytes) -> int:
        """The CRC-32 of the text so filled."""
        return self.crc ^ product(self.spread, zlib.crc32(filling) ^ _CRC_OF_GAP)


_CRC_OF_GAP = zlib.crc32(GAP)


def compress(text: bytes) -> Gapped:
    """A text with any number of gaps."""
    made = _of(text, _references(text))
    if len(made.gaps) == 1:
        tried = _inflated(made.filled(_TRIAL), made.length)
        if zlib.crc32(tried) != made.crc_filled(_TRIAL):
            made = _of(text, _all_stored(text))
    return made


def gzip_of(parts: Sequence[Gapped], filling: bytes) -> Iterator[bytes]:
    """One gzip file of the JSON list of what is in the parts, `WIDTH` bytes in every gap."""
    yield _GZIP_HEAD
    length, crc = 0, 0
    for number, part in enumerate(parts):
        before = b"," if number else b"["
        yield _stored(before)
        yield part.filled(filling)
        crc = together(zlib.crc32(before, crc), part.crc_filled(filling), part.length)
        length += 1 + part.length
    yield _stored(b"]", last=True) + struct.pack("<LL", zlib.crc32(b"]", crc), (length + 1) & 0xFFFFFFFF)


def plain_of(parts: Sequence[Gapped], filling: bytes) -> Generator[bytes]:
    """The same list as it is before compression, a part at a time; the filling may be of any length."""
    for number, part in enumerate(parts):
        before, after = b"," if number else b"[", b"" if number + 1 < len(parts) else b"]"
        if len(filling) == WIDTH:
            blocks = _stored(before) + part.filled(filling) + _stored(after, last=True)
            yield zlib.decompress(blocks, -zlib.MAX_WBITS, part.length + 2)
        else:
            yield before + part.text(filling) + after


def plain_length(parts: Sequence[Gapped]) -> int:
    """The bytes of that list if gaps are filled with `WIDTH` bytes."""
    return sum(part.length + 1 for part in parts) + 1


_Blocks = tuple[bytes, tuple[int, ...]]
"""Deflate blocks, and where gaps lie in them."""


def _of(text: bytes, blocks: _Blocks) -> Gapped:
    return Gapped(blocks[0], len(text), zlib.crc32(text), _spread(text), blocks[1])


def _references(text: bytes) -> _Blocks:
    """The first gap stored; deflate sees what is before it as a dictionary."""
    before, gap, after = text.partition(GAP)
    data = _deflated(before)
    if not gap:
        return data, ()
    stored = _stored(gap)
    place = len(data) + len(stored) - WIDTH
    return data + stored + _deflated(after, (before + gap)[-_WINDOW:]), (place,)


def _all_stored(text: bytes) -> _Blocks:
    """Each gap stored, nothing refers to what is before it."""
    first, *others = text.split(GAP)
    data, gaps = bytearray(_deflated(first)), []
    for after in others:
        data += _stored(GAP)
        gaps.append(len(data) - WIDTH)
        data += _deflated(after)
    return bytes(data), tuple(gaps)


def _deflated(text: bytes, seen: bytes = b"") -> bytes:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, seen)
    return packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)


def _inflated(blocks: bytes, length: int) -> bytes:
    """`length` is about that of the text: memory of the right size saves most of the time."""
    return zlib.decompress(blocks + _stored(b"", last=True), -zlib.MAX_WBITS, max(length, 1))


def _stored(text: bytes, *, last: bool = False) -> bytes:
    """RFC 1951 3.2.4; the block before must end at a byte."""
    return struct.pack("<BHH", last, len(text), len(text) ^ 0xFFFF) + text


def _spread(text: bytes) -> int:
    """For each gap, by what its register is multiplied up to the end of the text, all together."""
    spread, last = 0, 0
    for gap in _gaps_of(text):
        spread = product(shift(gap + WIDTH - last), spread) ^ ONE
        last = gap + WIDTH
    return product(shift(len(text) - last), spread)


def _gaps_of(text: bytes) -> Iterable[int]:
    start = text.find(GAP)
    while start >= 0:
        yield start
        start = text.find(GAP, start + WIDTH)

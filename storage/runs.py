"""Headers cut into runs of elements that were the same in the headers before: what is compared need not be read."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.dataset import CHARSET_TAG
from storage.errors import Invalid
from storage.plain_elements import LONG_VRS, SEQUENCE_TAGS, SHORT_VRS, UNDEFINED, Encoding
from storage.structure import element_end

TaggedBytes = tuple[int, bytes]
"""An element: its tag, and all its bytes with tag, VR and length."""
_PIXEL_REPRESENTATION = 0x00280103


@dataclass(frozen=True, slots=True)
class Run:
    """Elements that follow each other. `context` are the bytes of those on which the reading of others depends:
    private creators (PS3.5 7.8.1) and (0028,0103) PixelRepresentation."""

    data: bytes
    elements: tuple[TaggedBytes, ...]
    tags: frozenset[int]
    context: bytes

    @classmethod
    def of(cls, elements: Sequence[TaggedBytes]) -> Run:
        """A run of one element or more."""
        return cls(
            b"".join(data for _, data in elements),
            tuple(elements),
            frozenset(tag for tag, _ in elements),
            b"".join(data for tag, data in elements if _is_context(tag)),
        )

    @property
    def first(self) -> int:
        """The first tag."""
        return self.elements[0][0]

    @property
    def last(self) -> int:
        """The last tag."""
        return self.elements[-1][0]


def _is_context(tag: int) -> bool:
    return tag == _PIXEL_REPRESENTATION or (tag >> 16 & 1 == 1 and 0x10 <= tag & 0xFFFF < 0x100)


class Runs:
    """The runs known by now, of headers in one encoding. `varying` are tags that stand alone."""

    def __init__(self, encoding: Encoding) -> None:
        self.varying: set[int] = set()
        self._encoding = encoding
        self._known: dict[bytes, Run] = {}

    def cut(self, data: bytes) -> list[Run] | None:
        """A header that was walked once before as runs, most of them known and the others of one element. None if it
        is not regular, or its elements are not in the order of their tags (PS3.5 7.1)."""
        if self._encoding.implicit_vr and data[4:6].isalpha() and data[4:6].isupper():
            return None
        pieces: list[Run] = []
        position, last = 0, -1
        while position < len(data):
            run = self._known_at(data, position) or self._one(data, position)
            if run is None or run.first <= last:
                return None
            pieces.append(run)
            position, last = position + len(run.data), run.last
        return pieces

    def learn(self, pieces: Iterable[Run]) -> None:
        """Make runs of elements that stood alone and are not known to vary."""
        together: list[TaggedBytes] = []
        for piece in pieces:
            tag = piece.first
            if tag > CHARSET_TAG and tag not in self.varying and piece is not self._known.get(piece.data[:4]):
                together += piece.elements
            else:
                self._add(together)
                together = []
        self._add(together)

    def _add(self, elements: Sequence[TaggedBytes]) -> Run | None:
        if not elements:
            return None
        run = self._known[elements[0][1][:4]] = Run.of(elements)
        return run

    def _known_at(self, data: bytes, position: int) -> Run | None:
        run = self._known.get(data[position : position + 4])
        if run is None or data.startswith(run.data, position):
            return run
        return self._split(run, data, position)

    def _split(self, run: Run, data: bytes, position: int) -> Run | None:
        """Take out the first element that is another here, and return the part before it."""
        del self._known[run.data[:4]]
        same = 0
        for _, element in run.elements:
            if not data.startswith(element, position):
                break
            position += len(element)
            same += 1
        self.varying.add(run.elements[same][0])
        self._add(run.elements[same + 1 :])
        return self._add(run.elements[:same])

    def _one(self, data: bytes, position: int) -> Run | None:
        """The element at `position` by itself."""
        try:
            tag, end = self._extent(data, position)
        except (Invalid, struct.error):
            return None
        if end is None or end > len(data):
            return None
        element = data[position:end]
        return Run(element, ((tag, element),), frozenset((tag,)), element if _is_context(tag) else b"")

    def _extent(self, data: bytes, position: int) -> tuple[int, int | None]:
        """Tag and end of an element; no end if it is not regular."""
        if self._encoding.implicit_vr:
            group, number, length = struct.unpack_from("<HHL", data, position)
            tag = group << 16 | number
            is_plain = tag not in SEQUENCE_TAGS and length != UNDEFINED
            value = position + 8
        else:
            order = self._encoding.byte_order
            group, number, vr, length = struct.unpack_from(order + "HH2sH", data, position)
            tag, value = group << 16 | number, position + 8
            is_plain = vr in SHORT_VRS
            if vr in LONG_VRS:
                (length,) = struct.unpack_from(order + "L", data, value)
                value += 4
                is_plain = vr != b"SQ" and length != UNDEFINED
        if is_plain and group != 0xFFFE:
            return tag, value + length
        return tag, element_end(data, position, self._encoding)

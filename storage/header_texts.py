"""Headers that resemble each other, as those of a series do, to the text of their DICOM JSON (PS3.18 Annex F).

From slice to slice a dozen elements change and hundreds do not. So a header is compared with those before it: a run of
elements whose bytes are the same gives the same text, at the price of comparing bytes. Runs are learned: of the first
header all of it is one, and an element that is found changed stands alone from then on. What stands alone is encoded
by itself, or, if its bytes repeat, remembered.

The text is that which `storage.json_encoder` and `json_text` give; headers that are unusual as a whole go that way.
Elements that pydicom had to read may depend on any other: they are never remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from storage.dataset import CHARSET_TAG
from storage.errors import Invalid
from storage.json_encoder import (
    FALLS_BACK,
    HeaderEncoder,
    encode_alone,
    encode_json,
    pixel_representation,
)
from storage.json_model import JsonModel, json_text
from storage.json_values import Unusual
from storage.plain_elements import Encoding
from storage.runs import Run, Runs

_PIXEL_REPRESENTATION, _BITS_STORED = 0x00280103, 0x00280101
_REMEMBERED, _SHORT = 4096, 256
"""Elements that are remembered by themselves, and how many bytes of each at most."""


@dataclass(frozen=True)
class HeaderText:
    """The DICOM JSON of a header in UTF-8, and whether (0028,0101) BitsStored is among its outermost elements."""

    json: bytes
    has_bits_stored: bool


class HeaderTexts:
    """Encodes one header after the other; fast if they are alike. For one thread."""

    def __init__(self) -> None:
        self._encoding: Encoding | None = None
        self._context: tuple[object, ...] = ()
        self._representation: int | None = None
        self._runs = Runs(Encoding(False, True))
        self._texts: dict[bytes, bytes] = {}

    def encode(self, data: bytes, encoding: Encoding, terms: tuple[str, ...]) -> HeaderText:
        """The header `data` whose texts are in the character set `terms`. Raises what `encode_json` raises."""
        if encoding != self._encoding:
            self._encoding, self._runs = encoding, Runs(encoding)
        pieces = self._runs.cut(data)
        if pieces is None:
            return _plainly(data, encoding, terms)
        try:
            return self._encode(_Header(data, encoding, terms, pieces))
        except (Unusual, Invalid):
            return _plainly(data, encoding, terms)

    def _encode(self, header: _Header) -> HeaderText:
        context = header.context
        if context != self._context or len(self._texts) > _REMEMBERED:
            self._context, self._texts = context, {}
            self._representation = header.representation
        header.representation = self._representation
        texts = [self._texts.get(piece.data) or self._text_of(piece, header) for piece in header.pieces]
        self._runs.learn(header.pieces)
        if not any(piece.first == CHARSET_TAG for piece in header.pieces):
            before = sum(piece.first < CHARSET_TAG for piece in header.pieces)
            texts.insert(before, _CHARSET_TEXT)
        return HeaderText(
            b"{" + b",".join(filter(None, texts)) + b"}",
            any(_BITS_STORED in piece.tags for piece in header.pieces),
        )

    def _text_of(self, piece: Run, header: _Header) -> bytes:
        made = [header.element_text(tag, data) for tag, data in piece.elements]
        text = b",".join(text for text, _ in made if text)
        for (tag, _), (_, is_sure) in zip(piece.elements, made, strict=True):
            if not is_sure:
                self._runs.varying.add(tag)
        is_sure = all(is_sure for _, is_sure in made)
        if is_sure and (len(piece.elements) > 1 or len(piece.data) <= _SHORT):
            self._texts[piece.data] = text
        return text


@dataclass
class _Header:
    """One header, cut into pieces."""

    data: bytes
    encoding: Encoding
    terms: tuple[str, ...]
    pieces: list[Run]

    @cached_property
    def context(self) -> tuple[object, ...]:
        """All on which the text of an element depends beside its own bytes, unless pydicom makes it."""
        return self.encoding, self.terms, b"".join(piece.context for piece in self.pieces)

    @cached_property
    def representation(self) -> int | None:
        """(0028,0103). Raises `Unusual`."""
        for piece in self.pieces:
            if piece.first <= _PIXEL_REPRESENTATION <= piece.last:
                found = dict(piece.elements).get(_PIXEL_REPRESENTATION)
                return None if found is None else pixel_representation(found, self.encoding)
        return None

    @cached_property
    def whole(self) -> HeaderEncoder:
        """For elements that need the others. Raises `Unusual` if the header is read by pydicom as a whole."""
        encoder = HeaderEncoder(self.data, self.encoding, self.terms)
        if not encoder.structure.regular:
            raise Unusual
        return encoder

    def element_text(self, tag: int, element: bytes) -> tuple[bytes, bool]:
        """The member of the JSON object, and whether it depends on nothing but `element` and the context."""
        if not tag & 0xFFFF:
            return b"", True
        if tag == CHARSET_TAG:
            return _CHARSET_TEXT, True
        try:
            model = encode_alone(element, tag, self.encoding, self.terms, self.representation)
            is_sure = True
        except FALLS_BACK:
            model, is_sure = self.whole.outermost(tag)
        return _member(tag, model), is_sure


def _plainly(data: bytes, encoding: Encoding, terms: tuple[str, ...]) -> HeaderText:
    model = encode_json(data, encoding, terms)
    return HeaderText(json_text(model), f"{_BITS_STORED:08X}" in model)


def _member(tag: int, model: JsonModel) -> bytes:
    return json_text({f"{tag:08X}": model})[1:-1]


_CHARSET_TEXT = _member(CHARSET_TAG, {"vr": "CS", "Value": ["ISO_IR 192"]})

"""Headers encoded one after the other give what each gives by itself, in whatever order and however damaged."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from storage.errors import Invalid
from storage.header import read_header
from storage.header_texts import HeaderTexts
from storage.json_encoder import encode_json
from storage.json_model import json_text
from storage.part10 import inspect_file
from storage.structure import Encoding


def headers_of_files():
    for path in sorted((Path(pydicom.__path__[0]) / "data").rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        try:
            info = inspect_file(data)
            header = read_header(data[info.dataset_offset :], 0, info.transfer_syntax_uid)
        except Invalid:
            continue
        if header.raw is not None:
            yield header.raw, Encoding.of(info.transfer_syntax_uid), header.charset_terms


@pytest.fixture(scope="module")
def headers():
    found = list(headers_of_files())
    assert len(found) > 80
    return found


def said(encode, *header):
    try:
        return encode(*header)
    except Exception as why:
        return type(why)


def text_after_others(texts, *header):
    return texts.encode(*header).json


def alone(*header):
    return said(lambda *each: json_text(encode_json(*each)), *header)


@pytest.mark.parametrize("order", ["as they come", "by encoding", "shuffled"])
def test_every_header_after_every_other(headers, order):
    chosen = list(headers) * 2
    if order == "by encoding":
        chosen.sort(key=lambda header: (header[1].implicit_vr, header[1].little_endian))
    if order == "shuffled":
        random.Random(4).shuffle(chosen)
    texts = HeaderTexts()
    for header in chosen:
        made = texts.encode(*header)
        assert made.json == alone(*header)
        assert made.has_bits_stored == (0x00280101 in tags_of(*header))


def tags_of(data, encoding, terms):
    return {int(tag, 16) for tag in encode_json(data, encoding, terms)}


def test_damaged_headers_after_sound_ones(headers):
    dice = random.Random(5)
    for data, encoding, terms in dice.sample(headers, 40):
        texts = HeaderTexts()
        texts.encode(data, encoding, terms)
        for _ in range(12):
            damaged = bytearray(data)
            for _ in range(dice.choice((1, 1, 3))):
                damaged[dice.randrange(len(damaged))] = dice.choice((0, 1, 32, 92, 255, dice.randrange(256)))
            header = (bytes(damaged), encoding, terms)
            assert said(partial(text_after_others, texts), *header) == alone(*header)


def test_what_an_element_means_may_depend_on_others():
    """A smallest pixel value in implicit VR is signed or not as (0028,0103) says; a private one is its creator's."""
    texts = HeaderTexts()
    encoding = Encoding(implicit_vr=True, little_endian=True)
    for representation in (0, 1, 0):
        for creator in (b"ACUSON", b"NOBODY"):
            data = b"".join(
                tag.to_bytes(2, "little")
                + number.to_bytes(2, "little")
                + len(value).to_bytes(4, "little")
                + value
                for tag, number, value in (
                    (0x0009, 0x0010, creator),
                    (0x0009, 0x1000, b"17"),
                    (0x0028, 0x0103, bytes((representation, 0))),
                    (0x0028, 0x0106, b"\xff\xff"),
                )
            )
            made = texts.encode(data, encoding, ("",)).json
            assert made == alone(data, encoding, ("",))
            assert (b"-1" if representation else b"65535") in made
            assert (b'"00091000":{"vr":"IS"' in made) == (creator == b"ACUSON")


def test_a_set_of_characters_is_told_in_its_place():
    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    info = inspect_file(data)
    raw = read_header(data[info.dataset_offset :], 0, info.transfer_syntax_uid).raw
    encoding = Encoding.of(info.transfer_syntax_uid)
    start = raw.index(b"\x08\0\x05\0CS")
    without = raw[:start] + raw[start + 8 + int.from_bytes(raw[start + 6 : start + 8], "little") :]
    texts = HeaderTexts()
    for each in (raw, without, raw, without):
        assert texts.encode(each, encoding, ("ISO_IR 100",)).json == alone(each, encoding, ("ISO_IR 100",))

"""Compressed texts are given away with an address in every gap, as any reader of gzip sees it."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import zlib

import pytest

from storage.crc32 import together
from storage.gapped_gzip import GAP, WIDTH, Gapped, compress, gzip_of, plain_length, plain_of

ADDRESS = b'"https://pacs.example.cn/sites/KASHI/dicom-web'.rjust(WIDTH)
OTHER = b'"http://10.20.0.5:8080/sites/KASHI/dicom-web'.rjust(WIDTH)


def slices(number, distance=600):
    """Texts that are alike, each with a gap, some bytes apart."""
    dice = random.Random(3)
    same = "".join(dice.choices('abcdefgh {}:,"0123456789', k=distance)).encode()
    return b",".join(b'{"n":%d,"url":%s/%d",%s}' % (n, GAP, dice.random() * 1e9, same) for n in range(number))


TEXTS = {
    "nothing": b"",
    "no gap": b"abc" * 1000,
    "one gap": b"abc" + GAP,
    "gaps alone": GAP + GAP + GAP,
    "one slice": slices(1),
    "a series": slices(400),
    "long headers": slices(20, 30_000),
    "gaps that no reference reaches": slices(4, 40_000),
    "noise": b"a" + GAP + os.urandom(100_000).translate(None, GAP) + GAP + b"c",
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_gap_is_filled(name):
    text = TEXTS[name]
    made = compress(text)
    assert Gapped.from_bytes(made.to_bytes()) == made
    assert made.text() == text
    for filling in (ADDRESS, OTHER):
        filled = b"[" + text.replace(GAP, filling) + b"]"
        assert gzip.decompress(b"".join(gzip_of([made], filling))) == filled
        assert b"".join(plain_of([made], filling)) == filled


def test_a_series_has_one_gap_to_fill():
    made = compress(slices(400))
    assert len(made.gaps) == 1
    assert len(made.deflated) < 30_000


def test_parts_make_one_member_that_every_reader_takes():
    parts = [compress(TEXTS[name]) for name in ("one slice", "a series", "gaps alone", "long headers")]
    zipped = b"".join(gzip_of(parts, ADDRESS))
    plain = b"".join(plain_of(parts, ADDRESS))
    reader = zlib.decompressobj(31)
    assert reader.decompress(zipped) == plain
    assert len(plain) == plain_length(parts)
    assert reader.eof
    assert not reader.unused_data  # a browser reads one member and no more
    assert subprocess.run(["gzip", "-dc"], input=zipped, capture_output=True, check=True).stdout == plain


def test_a_long_filling_fits_into_plain_text():
    made = compress(slices(3))
    assert b"".join(plain_of([made], b"x" * 500)) == b"[" + slices(3).replace(GAP, b"x" * 500) + b"]"


@pytest.mark.parametrize("length", [0, 1, 3, 100, 65_537])
def test_checksums_are_put_together(length):
    first, second = os.urandom(777), os.urandom(length)
    assert together(zlib.crc32(first), zlib.crc32(second), length) == zlib.crc32(first + second)

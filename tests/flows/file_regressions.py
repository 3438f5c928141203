"""Files that a fuzzer has found something with, by what was wrong: the smallest, and the status it should get."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from random import Random

from file_mutations import Sample, renewed, samples

SUCCESS = 0x0000


def sample(name: str) -> Sample:
    """One of the samples, under its own identity."""
    return renewed(next(one for one in samples() if one.name == name), Random(name), study_too=True)


def deflated_and_padded() -> tuple[Sample, int]:
    """More than one piece of the inflater's, and a NUL after the stream, as PS3.5 A.5 wants it for even length."""
    chosen = sample("image_dfl.dcm")
    padding = b"\xfc\xff\xfc\xffOB\0\0" + (2 << 20).to_bytes(4, "little") + bytes(2 << 20)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(chosen.data + padding) + deflater.flush()
    return replace(chosen, data=data + b"\0" * (2 - len(data) % 2)), SUCCESS


def frame_broken_after_the_first() -> tuple[Sample, int]:
    """An answer that has begun can only break off."""
    chosen = sample("SC_rgb_rle_2frame.dcm")
    at = chosen.data.rindex(b"\xfe\xff\x00\xe0") + 8
    return replace(chosen, data=chosen.data[: at + 64] + b"\x7f" * 64 + chosen.data[at + 128 :]), SUCCESS


REGRESSIONS: dict[str, Callable[[], tuple[Sample, int]]] = {
    "a deflated data set with a pad was inflated for ever": deflated_and_padded,
    "a later frame that is broken was taken for a fault of ours": frame_broken_after_the_first,
}

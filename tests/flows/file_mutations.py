"""Files of pydicom's, and the ways in which a fuzzer breaks them; the same seed breaks them in the same way."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random

from pydicom import dcmread
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from storage.part10 import inspect_file

NAMES = (
    "CT_small.dcm",
    "JPEG-lossy.dcm",
    "JPEG2000.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "US1_J2KI.dcm",
    "badVR.dcm",
    "emri_small_RLE.dcm",
    "emri_small_big_endian.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "reportsi.dcm",
    "rtdose.dcm",
    "rtplan.dcm",
    "rtstruct.dcm",
    "test-SR.dcm",
)
VRS = (
    "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV ZZ"
)
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
HOSTILE = (
    b"",
    b"\0" * 64,
    b"\\" * 400,
    b"1e999",
    b"NaN",
    b"-0",
    b"99999999999999999999",
    b"\xff\xfe\xfd\xfc" * 16,
    b"\x1b$)C\x1b$B\x1b(J\x1b-F" * 4,
    "王^小东=王^小東=".encode("gb18030"),
    "喀什\ud83d".encode("utf-8", "surrogatepass"),
    b"^^^^=^^^^=^^^^=====" * 3,
    b"20261399",
    b"../../../etc/passwd",
    b"'; drop table instance; --",
    b"<script>alert(1)</script>",
    b"%s%n%00",
    b"A" * 70_000,
)
LENGTHS = (0, 1, 2, 7, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
TAGS = (0, 0x00020010, 0x00080005, 0x00080016, 0x00080018, 0x00100010, 0x0020000D, 0x00280010, 0x7FE00001)
TAGS += (0x00091001, 0x00283010, 0x52009229, 0x7FE00010, 0xFFFAFFFA, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD)
DEPTHS = (1, 3, 15, 63, 64, 65, 1000, 5000)


@dataclass(frozen=True)
class Place:
    """Where an outermost element lies: offsets of its tag, its VR (None in implicit VR), its length, its value."""

    tag: int
    vr: int | None
    length: int
    length_bytes: int
    value: int
    end: int


@dataclass(frozen=True)
class Sample:
    """An encoded data set, and what a C-STORE says about it."""

    name: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    data: bytes

    @property
    def order(self) -> str:
        return ">" if self.transfer_syntax_uid == ExplicitVRBigEndian else "<"

    @property
    def implicit(self) -> bool:
        return self.transfer_syntax_uid == ImplicitVRLittleEndian


@cache
def samples() -> tuple[Sample, ...]:
    """Data sets with identifiers, deflated ones inflated."""
    paths = [Path(str(get_testdata_file(name))) for name in NAMES]
    paths += [Path(path) for path in get_charset_files("*.dcm")]
    found = []
    for path in sorted(paths):
        dataset = dcmread(path, force=True)
        if "SOPInstanceUID" in dataset:
            whole = path.read_bytes()
            info = inspect_file(whole)
            data = whole[info.dataset_offset :]
            if info.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)
            uids = (dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID)
            found.append(Sample(path.name, *map(str, uids), info.transfer_syntax_uid, data))
    return tuple(found)


@cache
def places(sample: Sample) -> tuple[Place, ...]:
    """Its outermost elements but sequences and encapsulated pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        elements = list(data_element_generator(BytesIO(sample.data), sample.implicit, sample.order == "<"))
    plain = (element for element in elements if isinstance(element, RawDataElement))
    return tuple(_place(sample, element) for element in plain if element.length != 0xFFFFFFFF)


def _place(sample: Sample, element: RawDataElement) -> Place:
    value, end = element.value_tell, element.value_tell + element.length
    if sample.implicit:
        return Place(value - 8, None, value - 4, 4, value, end)
    if str(element.VR).encode() in LONG_VRS:
        return Place(value - 12, value - 8, value - 4, 4, value, end)
    return Place(value - 8, value - 4, value - 2, 2, value, end)


def renewed(sample: Sample, rng: Random, *, study_too: bool) -> Sample:
    """The same under identifiers of its own, as long as before."""
    changes = {"sop_instance_uid": _uid(rng, len(sample.sop_instance_uid))}
    if study_too:
        changes["study_instance_uid"] = _uid(rng, len(sample.study_instance_uid))
    data = sample.data
    for name, uid in changes.items():
        data = data.replace(getattr(sample, name).encode(), uid.encode())
    return replace(sample, data=data, **changes)


def _uid(rng: Random, length: int) -> str:
    return "1.2.826.0.1." + "".join(rng.choice("123456789") for _ in range(length - 12))


def broken(rng: Random) -> Sample:
    """One sample under a new identity, broken in one to four ways; some stay whole."""
    chosen = renewed(rng.choice(samples()), rng, study_too=rng.random() < 0.5)
    data = chosen.data
    if rng.random() < 0.7:
        data = _edited(chosen, rng)
    if data is chosen.data or rng.random() < 0.3:
        for _ in range(rng.choice((0, 1, 1, 2))):
            data = rng.choice(BYTES)(rng, data)
    if chosen.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        data = _deflated(data)
        if rng.random() < 0.5:
            data = rng.choice(BYTES)(rng, data)
    syntax = chosen.transfer_syntax_uid
    if rng.random() < 0.06:
        syntax = rng.choice([sample.transfer_syntax_uid for sample in samples()])
    return replace(chosen, data=data, transfer_syntax_uid=syntax)


def _deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    out = deflater.compress(data) + deflater.flush()
    return out + b"\0" * (len(out) % 2)


# -- elements --------------------------------------------------------------------------------------

Edit = tuple[int, int, bytes]
"""From, to, and what comes in between."""


def _edited(sample: Sample, rng: Random) -> bytes:
    """One to three elements changed, from the last to the first so that the places stay right."""
    all_places = places(sample)
    chosen = rng.sample(all_places, min(len(all_places), rng.choice((1, 1, 1, 2, 3))))
    data = sample.data
    for place in sorted(chosen, key=lambda one: -one.tag):
        start, end, piece = rng.choice(EDITS)(sample, rng, place)
        data = data[:start] + piece + data[end:]
    return data


def _length(sample: Sample, place: Place, length: int) -> bytes:
    most = (1 << 8 * place.length_bytes) - 1
    return struct.pack(f"{sample.order}{'H' if place.length_bytes == 2 else 'L'}", min(length, most))


def forged_length(sample: Sample, rng: Random, place: Place) -> Edit:
    true = place.end - place.value
    length = rng.choice((*LENGTHS, max(0, true - 1), true + 1, true + 8))
    return place.length, place.value, _length(sample, place, length)


def other_vr(sample: Sample, rng: Random, place: Place) -> Edit:
    vr = rng.choice(VRS.split()).encode()
    if place.vr is None:
        return place.length, place.length + 2, vr
    return place.vr, place.vr + 2, vr


def other_tag(sample: Sample, rng: Random, place: Place) -> Edit:
    tag = rng.choice((*TAGS, rng.getrandbits(32)))
    return place.tag, place.tag + 4, struct.pack(f"{sample.order}HH", tag >> 16, tag & 0xFFFF)


def dropped(sample: Sample, rng: Random, place: Place) -> Edit:
    return place.tag, place.end, b""


def doubled(sample: Sample, rng: Random, place: Place) -> Edit:
    return place.end, place.end, sample.data[place.tag : place.end] * rng.choice((1, 1, 2, 500))


def misplaced(sample: Sample, rng: Random, place: Place) -> Edit:
    other = rng.choice(places(sample))
    return place.tag, place.tag, sample.data[other.tag : other.end]


def hostile_value(sample: Sample, rng: Random, place: Place) -> Edit:
    value = rng.choice((*HOSTILE, rng.randbytes(rng.randrange(200))))
    if rng.random() < 0.9:
        value += b" " * (len(value) % 2)
    if place.length_bytes == 2:
        value = value[:0xFFFE]
    return place.length, place.end, _length(sample, place, len(value)) + value


def hostile_number(sample: Sample, rng: Random, place: Place) -> Edit:
    """Other bits in a value of the same length: rows, columns, frames, offsets."""
    size = min(place.end - place.value, 8)
    return place.value, place.value + size, rng.choice((b"\0", b"\xff", b"\x7f", rng.randbytes(1))) * size


def nested(sample: Sample, rng: Random, place: Place) -> Edit:
    """A sequence in a sequence in a sequence, closed or left open."""
    depth, order = rng.choice(DEPTHS), sample.order
    vr = b"" if sample.implicit else b"SQ\0\0"
    forged = rng.choice((0xFFFFFFFF, 0xFFFFFFFF, 8, 0x10000))
    begin = struct.pack(f"{order}HH", 8, 0x1140) + vr + struct.pack(f"{order}L", forged)
    item = struct.pack(f"{order}HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    ends = struct.pack(f"{order}HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    closed = rng.choice((depth, depth, depth // 2, 0))
    return place.tag, place.tag, (begin + item) * depth + ends * closed


EDITS: tuple[Callable[[Sample, Random, Place], Edit], ...] = (
    forged_length,
    other_vr,
    other_tag,
    dropped,
    doubled,
    misplaced,
    hostile_value,
    hostile_value,
    hostile_number,
    nested,
)


# -- bytes -----------------------------------------------------------------------------------------


def flipped(rng: Random, data: bytes) -> bytes:
    out = bytearray(data)
    near = rng.choice((len(data), len(data), 400))
    for _ in range(rng.choice((1, 2, 8, 40))):
        if out:
            out[rng.randrange(min(near, len(out)))] = rng.randrange(256)
    return bytes(out)


def cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def without_a_part(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice((1, 2, 4, 100)) :]


def with_something_in(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    piece = rng.choice((rng.randbytes(rng.randrange(1, 40)), b"\0" * 512, b"\xfe\xff\xdd\xe0\0\0\0\0"))
    return data[:start] + piece + data[start:]


def with_a_tail(rng: Random, data: bytes) -> bytes:
    return data + rng.choice(
        (b"\0" * 1024, rng.randbytes(33), data, b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0\0\0\0\0")
    )


def spliced(rng: Random, data: bytes) -> bytes:
    other = rng.choice(samples()).data
    at, start = rng.randrange(len(data) + 1), rng.randrange(len(other))
    return data[:at] + other[start : start + rng.choice((8, 64, 4096))] + data[at:]


BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (
    flipped,
    flipped,
    cut,
    without_a_part,
    with_something_in,
    with_a_tail,
    spliced,
)


def rounds(seed: int, number: int) -> Iterator[tuple[int, Sample]]:
    """Broken samples, each from its own seed, so that one can be had again alone: `broken(Random(f"{seed}-{n}"))`."""
    for n in range(number):
        yield n, broken(Random(f"{seed}-{n}"))

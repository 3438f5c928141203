"""Headers read the quick way say what pydicom says, of every file there is and of files with errors in them."""

from __future__ import annotations

import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path

import data_store
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom_oracle import described

from storage.errors import Invalid
from storage.header import MAX_RAW, inflate, read_early, read_header
from storage.json_encoder import encode_json
from storage.part10 import inspect_file
from storage.structure import Encoding, walk

EXPLICIT = "1.2.840.10008.1.2.1"


def readable_files():
    """Every DICOM file of pydicom and pydicom-data: (name, data set, transfer syntax)."""
    folders = [Path(pydicom.__path__[0]) / "data", Path(data_store.__path__[0])]
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        try:
            info = inspect_file(data)
        except Invalid:
            continue
        yield path.name, data[info.dataset_offset :], info.transfer_syntax_uid


def told_by_pydicom(body, syntax, charset=""):
    try:
        return (*described(body, syntax, charset), "")
    except Invalid as why:
        return None, None, why.message


def told_by_us(body, syntax, charset=""):
    """The same from `read_header` and from the bytes that the index keeps."""
    try:
        header = read_header(memoryview(body), 0, syntax, charset)
    except Invalid as why:
        return None, None, why.message
    whole = inflate(body, 0) if syntax == DeflatedExplicitVRLittleEndian else body
    raw = bytes(whole[: header.header_length])
    assert header.raw == (raw if len(raw) <= MAX_RAW else None)
    model = encode_json(raw, Encoding.of(syntax), header.charset_terms)
    told = {name: getattr(header, name) for name in header.__dataclass_fields__}
    return {name: value for name, value in told.items() if name not in ("raw", "short")}, model, ""


@pytest.mark.parametrize(("body", "syntax"), [pytest.param(b, s, id=n) for n, b, s in readable_files()])
def test_every_file_reads_as_pydicom_reads_it(body, syntax):
    ours, theirs = told_by_us(body, syntax), told_by_pydicom(body, syntax)
    assert ours == theirs
    assert ours[1] is None or list(ours[1]) == sorted(ours[1])


@cache
def small_headers():
    """Headers short enough to be changed by the thousand, some of each encoding and of each charset file."""
    found = []
    for _, body, syntax in readable_files():
        try:
            header = read_header(body, 0, syntax)
        except Invalid:
            continue
        if header.raw and len(header.raw) < 6000 and syntax != DeflatedExplicitVRLittleEndian:
            found.append((header.raw, syntax))
    return found


POISON = [
    b"\xff\xff\xff\xff",
    b"\x1b$)C",
    b"\x1b",
    b"\\",
    b"=",
    b"\0",
    b"\x80",
    b"\xd5\xc5",
    b"1",
    b"e",
    b" ",
]
POISON += [
    b"UN",
    b"SQ",
    b"OB",
    b"US",
    b"DS",
    b"IS",
    b"PN",
    b"LO",
    b"AT",
    b"UT",
    b"FD",
    b"ZZ",
    b"GBK",
    b"\xff\xff",
]
edits = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.sampled_from(POISON), st.binary(min_size=1, max_size=4)),
        st.sampled_from(["replace", "replace", "replace", "insert", "delete"]),
    ),
    min_size=1,
    max_size=5,
)


def edited(raw, changes):
    data = bytearray(raw)
    for where, poison, way in changes:
        at = int(where * len(data))
        if way == "insert":
            data[at:at] = poison
        else:
            data[at : at + len(poison)] = poison if way == "replace" else b""
    return bytes(data)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(
    st.integers(0, 10_000),
    edits,
    st.sampled_from(["", "GB18030", "ISO_IR 192"]),
)
def test_damaged_headers_read_as_pydicom_reads_them(number, changes, charset):
    headers = small_headers()
    raw, syntax = headers[number % len(headers)]
    body = edited(raw, changes)
    assert told_by_us(body, syntax, charset) == told_by_pydicom(body, syntax, charset)


def test_all_encodings_are_among_the_damaged():
    syntaxes = {syntax for _, syntax in small_headers()}
    assert {ImplicitVRLittleEndian, ExplicitVRBigEndian, EXPLICIT} <= syntaxes
    assert len(small_headers()) > 50


def element(tag, vr, value):
    value += (b"\0" if vr in ("UI", "OB") else b" ") * (len(value) % 2)
    head = bytes.fromhex(tag[:4])[::-1] + bytes.fromhex(tag[4:])[::-1] + vr.encode()
    if vr in ("OB", "SQ", "UT"):
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def instance(*extra):
    """A small explicit VR data set; `extra` elements stand at its end."""
    parts = [
        element("00080005", "CS", b"GB18030"),
        element("00080016", "UI", b"1.2.840.10008.5.1.4.1.1.2"),
        element("00080018", "UI", b"1.2.3.4"),
        element("00100010", "PN", "Wang^XiaoDong=王^小东".encode("gb18030")),
        element("00100020", "LO", b"1"),
        element("0020000D", "UI", b"1.2.3"),
        element("0020000E", "UI", b"1.2.3.1"),
    ]
    return b"".join([*parts, *extra])


def test_attributes_are_those_asked_for_and_there():
    header = read_header(instance(), 0, EXPLICIT)
    assert header.attributes(["00100010", "00100030", "00100020"]) == {
        "00100010": {
            "vr": "PN",
            "Value": [{"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小东"}],
        },
        "00100020": {"vr": "LO", "Value": ["1"]},
    }


def test_a_long_header_is_not_held_but_its_attributes_are_at_hand():
    item = (
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + element("00080100", "SH", b"T1") + b"\xfe\xff\x0d\xe0\0\0\0\0"
    )
    sequence = b"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    body = instance(element("00420011", "OB", bytes(MAX_RAW)), sequence, element("00420012", "LO", b"x"))
    header = read_header(body, 0, EXPLICIT)
    assert header.raw is None
    assert header.header_length == len(body)
    assert len(header.short) < 300
    wanted = ["00081032", "00420012", "00420011"]
    assert header.attributes(wanted) == {
        "00081032": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["T1"]}}]},
        "00420012": {"vr": "LO", "Value": ["x"]},
    }


def test_a_compressed_icon_is_no_data_set():
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x04\0\0\0\xff\xd8\xff\xd9"
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + fragments + b"\xfe\xff\xdd\xe0\0\0\0\0"
    item = element("00280010", "US", b"\1\0") + pixels
    icon = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    body = instance(element("00880200", "SQ", icon))
    structure = walk(body, 0, Encoding.of(EXPLICIT))
    assert structure.pixel_data is None
    assert structure.header_end == len(body)
    assert told_by_us(body, EXPLICIT) == told_by_pydicom(body, EXPLICIT)


def test_an_item_may_speak_another_character_set():
    inside = element("00080005", "CS", b"ISO_IR 192") + element("00081030", "LO", "张".encode())
    icon = b"\xfe\xff\x00\xe0" + len(inside).to_bytes(4, "little") + inside
    outside = element("00081030", "LO", "张".encode("gb18030"))
    model = told_by_us(instance(outside, element("00081140", "SQ", icon)), EXPLICIT)[1]
    assert model["00081030"]["Value"] == model["00081140"]["Value"][0]["00081030"]["Value"] == ["张"]


def test_items_of_undefined_length_are_read_in_the_set_that_was_found():
    name = "王^小东".encode("gbk")
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + element("00081050", "PN", name) + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x08\0\x52\x10SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    body = instance(sequence).replace(b"CS\x08\0GB18030 ", b"CS\x0a\0ISO_IR 100")
    model = told_by_us(body, EXPLICIT)[1]
    assert model["00081052"]["Value"][0]["00081050"]["Value"] == [{"Alphabetic": "王^小东"}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (instance()[:-2], "announces 8 bytes, but only 6 follow: the data set is truncated"),
        (instance(b"\x10\0\x10\0P"), "the data set ends inside an element's header"),
        (instance(b"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff"), "never ends: the data set is truncated"),
        (instance(element("00081032", "SQ", instance())), "where an item should begin"),
        (instance().replace(b"1.2.3.4\0", b"1.2.3.x\0"), r"\(0008,0018\) SOPInstanceUID is not a UID"),
        (
            instance(*[b"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"] * 70),
            "nested deeper than 64 levels",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body, message):
    with pytest.raises(Invalid, match=message):
        read_header(body, 0, EXPLICIT)


def test_two_threads_read_what_one_reads():
    files = [(body, syntax) for _, body, syntax in readable_files()][::6]
    alone = [told_by_us(body, syntax) for body, syntax in files]
    together: dict[int, list] = {}

    def work(number):
        together[number] = [told_by_us(body, syntax) for body, syntax in files]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] == alone for number in range(4)] == [True] * 4


def test_a_bomb_does_not_fill_the_memory():
    """What unfolds 1:1000 is refused long before it is there; in a process of its own, whose peak is known."""
    script = """
import zlib
from pathlib import Path
from storage.errors import Invalid
from storage.header import inflate

def peak_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10

packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(400)) + packer.flush()
before = peak_mib()
try:
    inflate(bomb, 0)
except Invalid as why:
    print(why.message)
print(peak_mib() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    told, grown = done.stdout.splitlines()
    assert "unfolds to more than" in told
    assert int(grown) < 250


def many_items(count, frames):
    head = struct.pack("<HH2sH", 0x0028, 0x0008, b"IS", 6) + frames.ljust(6)
    items = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * count
    return head + struct.pack("<HH2sxxL", 0x5200, 0x9230, b"SQ", len(items)) + items


def test_items_without_end_are_refused_and_those_of_many_frames_are_not():
    encoding = Encoding.of(EXPLICIT)
    for frames in (b"1", b"", b"x", b"-9", b"3000"):
        with pytest.raises(Invalid, match="too many items"):
            walk(many_items(200_000, frames), 0, encoding)
    walk(many_items(200_000, b"3125"), 0, encoding)
    walk(many_items(100_000, b"1"), 0, encoding)


def test_a_deflated_header_is_held_inflated():
    data = Path(str(get_testdata_file("image_dfl.dcm"))).read_bytes()
    info = inspect_file(data)
    body = data[info.dataset_offset :]
    header = read_header(body, 0, info.transfer_syntax_uid)
    assert header.raw is not None
    assert inflate(body, 0).startswith(header.raw)
    assert asdict(header)["rows"] == 512


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("IS", b" 7 ", 7),
        ("IS", b"7\0", 7),
        ("IS", b"+07", 7),
        ("IS", b"7.0", None),
        ("IS", b"7\\8", None),
        ("IS", b"4294967296", None),
        ("IS", b"", None),
        ("IS", "7\u3000".encode("gb18030"), 7),  # a full-width blank; only the character set tells
        ("US", b"\7\0", 7),
        ("US", b"\7\0\1\0", 7),
        ("US", b"\7\0\1", None),
        ("LO", b"7", 7),
        ("DS", b"7", 7),
        ("DS", b"7.5", None),
        ("UN", b"7 ", 7),
    ],
)
def test_numbers_of_devices_that_write_them_otherwise(vr, value, expected):
    number = bytes.fromhex("20001300") + vr.encode()
    number += bytes(2) + len(value).to_bytes(4, "little") if vr == "UN" else len(value).to_bytes(2, "little")
    body = instance(number + value)
    assert read_header(body, 0, EXPLICIT).instance_number == expected
    assert told_by_us(body, EXPLICIT) == told_by_pydicom(body, EXPLICIT)


def test_of_two_sequences_with_one_tag_the_last_counts():
    def sequence(code):
        inside = element("00080100", "SH", code)
        return element("00081032", "SQ", b"\xfe\xff\x00\xe0" + len(inside).to_bytes(4, "little") + inside)

    body = instance(sequence(b"T1"), sequence(b"T2"))
    assert told_by_us(body, EXPLICIT) == told_by_pydicom(body, EXPLICIT)
    (item,) = told_by_us(body, EXPLICIT)[1]["00081032"]["Value"]
    assert item["00080100"]["Value"] == ["T2"]


def test_elements_without_end_are_refused_before_they_fill_the_memory() -> None:
    """Eight bytes of the sender's are a hundred of ours."""
    many = b"".join(
        struct.pack("<HH2sH", 0x0021 + 2 * (number >> 15), 0x1000 + (number & 0x7FFF), b"LO", 0)
        for number in range(400_000)
    )
    began = time.monotonic()
    with pytest.raises(Invalid, match="more than"):
        read_header(many, 0, str(ExplicitVRLittleEndian))
    assert time.monotonic() - began < 5


def test_what_is_read_early_is_what_is_read_of_the_whole():
    """However much has come, it is the same, or nothing is said yet."""
    said = 0
    for name, body, syntax in readable_files():
        for cut in (200, 1000, 4000, 20000, len(body)):
            early = read_early(memoryview(body)[:cut], syntax)
            if early is not None and early.of(len(body)) is not None:
                assert early.of(len(body)) == read_header(body, 0, syntax), name
                assert early.of(early.pixels_end - 1) is None
                said += 1
    assert said > 300

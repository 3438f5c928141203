"""Names as they were meant: golden vectors, and the lies that devices tell about their character sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.header import read_header
from storage.identity import PersonName
from storage.text import search_form

XIAODONG = "Wang^XiaoDong=王^小东"
ISO_2022 = bytes.fromhex("5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab3d")


def element(tag: str, vr: str, value: bytes) -> bytes:
    """One explicit VR little endian element with a short length."""
    value += b"\0" * (len(value) % 2) if vr == "UI" else b" " * (len(value) % 2)
    group, number = bytes.fromhex(tag[:4])[::-1], bytes.fromhex(tag[4:])[::-1]
    return group + number + vr.encode() + len(value).to_bytes(2, "little") + value


def dataset(name: bytes, charset: str | None) -> bytes:
    parts = [element("00080005", "CS", charset.encode())] if charset is not None else []
    parts += [element("00080016", "UI", b"1.2.840.10008.5.1.4.1.1.2"), element("00080018", "UI", b"1.2.3.4")]
    parts += [element("00100010", "PN", name), element("00100020", "LO", b"1")]
    parts += [element("0020000D", "UI", b"1.2.3"), element("0020000E", "UI", b"1.2.3.1")]
    return b"".join(parts)


def read(name: bytes, charset: str | None, node_charset: str = "") -> tuple[str, bool]:
    header = read_header(dataset(name, charset), 0, "1.2.840.10008.1.2.1", node_charset)
    return str(header.patient_name), header.charset_suspect


@pytest.mark.parametrize(
    ("name", "charset", "node_charset", "expected", "suspect"),
    [
        # PS3.5 Annex J.3 and K.2, the standard's own examples
        (XIAODONG.encode("gb18030"), "GB18030", "", XIAODONG, False),
        (ISO_2022, "\\ISO 2022 IR 58", "", "Zhang^XiaoDong=张^小东", False),
        (XIAODONG.encode(), "ISO_IR 192", "", XIAODONG, False),
        # 0x5C and 0x5E as second bytes of hanzi are no separators
        ("Cheng^=誠^僞".encode("gb18030"), "GB18030", "", "Cheng=誠^僞", False),
        (XIAODONG.encode("gbk"), "GBK", "", XIAODONG, False),
        # undeclared: what the node is known to mean, else what the bytes say
        (XIAODONG.encode("gbk"), None, "GB18030", XIAODONG, False),
        (XIAODONG.encode("gbk"), "", "GB18030", XIAODONG, False),
        (XIAODONG.encode("gbk"), None, "", XIAODONG, True),
        (XIAODONG.encode(), None, "GB18030", XIAODONG, True),
        # a lie: GBK or UTF-8 under the label of Latin-1
        (XIAODONG.encode("gbk"), "ISO_IR 100", "", XIAODONG, True),
        (XIAODONG.encode(), "ISO_IR 100", "", XIAODONG, True),
        # the truth: Latin-1 is not mistaken for Chinese
        ("Müller^Jürgen".encode("latin-1"), "ISO_IR 100", "GB18030", "Müller^Jürgen", False),
        (b"Smith^John", None, "GB18030", "Smith^John", False),
    ],
)
def test_names_decode_as_they_were_meant(
    name: bytes, charset: str | None, node_charset: str, expected: str, suspect: bool
) -> None:
    assert read(name, charset, node_charset) == (expected, suspect)


@given(
    st.binary(max_size=60),
    st.sampled_from([None, "", "GB18030", "ISO_IR 192", "ISO_IR 100", "\\ISO 2022 IR 58"]),
)
def test_no_bytes_of_a_name_are_refused(name: bytes, charset: str | None) -> None:
    text, _ = read(name, charset)
    assert isinstance(text, str)


@given(
    st.lists(
        st.text(
            st.characters(codec="gb18030", exclude_characters="=\\^\0", exclude_categories=["Cc", "Cs"]),
            max_size=8,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_valid_name_survives_gb18030(groups: list[str]) -> None:
    text = "=".join(group.strip() for group in groups)
    assert read(text.encode("gb18030"), "GB18030")[0] == str(PersonName.parse(text))


@pytest.mark.parametrize("dot", ["·", "•", "・", "‧", ".", " "])
def test_the_many_dots_of_uyghur_names_are_one_to_a_search(dot: str) -> None:
    assert search_form(f"Aygul^Tursun=阿依古丽{dot}吐尔逊") == "aygul tursun 阿依古丽 吐尔逊"

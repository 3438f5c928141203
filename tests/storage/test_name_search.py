"""A person is found by whatever one knows of the name: one box for hanzi, pinyin, initials, Latin letters, parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from query_studies import KASHI, put, with_two_sites
from sqlalchemy import func, select

from storage.name_search import MAX_WORD_LENGTH, MAX_WORDS, begins_with, name_words
from storage.query import Match, Query, search
from storage.query_keys import Level
from storage.tables import patient, patient_word
from storage.visibility import Visible

NAMES = {
    "1": "Wang^XiaoDong=王^小东",
    "2": "王小东",
    "3": "Shan^Xiongxin=单^雄信",
    "4": "曾国藩",
    "5": "仇英",
    "6": "解缙",
    "7": "尉迟恭",
    "8": "Aygul^Tursun=阿依古丽·吐尔逊",
    "9": "ÖSTBERG^ÅSA",
    "10": "吕布",
    "11": "WANG^XIAODONG",
    "12": "欧阳^修",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory, pair):
    with pair.place(tmp_path_factory.mktemp("names"), with_two_sites) as place:
        opened = place.open()
        for study, name in NAMES.items():
            put(opened, study, PatientName=name, PatientID=f"P{study}")
        yield opened
        opened.close()


def found(archive, name, *, fuzzy=True):
    query = Query(Level.STUDY, [Match("PatientName", (name,))], fuzzy=fuzzy)
    with archive.database.read() as connection:
        items = search(connection, query, Visible((KASHI,))).items
    return " ".join(sorted((item["0020000D"]["Value"][0].rpartition(".")[2] for item in items), key=int))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        # the same row by every road (the four of the requirement first)
        ("wxd", "1 2 11"),
        ("wangxiaodong", "1 2 11"),
        ("王小东", "1 2"),
        ("WANG XIAO", "1 2 11"),
        ("xiaodong", "1 2 11"),
        ("小东", "1 2"),
        ("东", "1 2"),
        ("王", "1 2"),
        ("wangx", "1 2 11"),
        ("Wang^Xiao", "1 2 11"),
        # surnames that are read otherwise than their characters, and both readings where both are in use
        ("shanxiongxin", "3"),
        ("sxx", "3"),
        ("danxiongxin", "3"),
        ("zengguofan", "4"),
        ("zgf", "4"),
        ("cengguofan", "4"),
        ("qiuying", "5"),
        ("qy", "5"),
        ("xiejin", "6"),
        ("xj", "6"),
        ("yuchigong", "7"),
        ("ycg", "7"),
        ("恭", "7"),
        ("ouyangxiu", "12"),
        ("oyx", "12"),
        ("lvbu", "10"),
        ("lyubu", "10"),
        ("lubu", "10"),
        ("lb", "10"),
        # a transcribed name with any of its dots, or none
        ("阿依古丽·吐尔逊", "8"),
        ("阿依古丽•吐尔逊", "8"),
        ("阿依古丽吐尔逊", "8"),
        ("吐尔逊", "8"),
        ("ayiguli", "8"),
        ("tuerxun", "8"),
        ("aygul tursun", "8"),
        ("tursun", "8"),
        ("ostberg", "9"),
        ("östberg", "9"),
        ("nobody", ""),
        ("=", "1 2 3 4 5 6 7 8 9 10 11 12"),
    ],
)
def test_one_box_finds_by_whatever_is_known(archive, typed, expected):
    assert found(archive, typed) == expected


@pytest.mark.parametrize("typed", ["wxd", "xiaodong", "小东", "ostberg", "shanxiongxin*"])
def test_exact_matching_knows_nothing_of_it(archive, typed):
    assert found(archive, typed, fuzzy=False) == ""


def test_words_are_written_once_for_each_patient(archive):
    for _ in range(2):
        put(archive, "1", PatientName=NAMES["1"], PatientID="P1")
    put(archive, "1", "1", "2", PatientName=NAMES["1"], PatientID="P1")
    with archive.database.read() as connection:
        row = connection.execute(select(patient.c.id).where(patient.c.patient_id == "P1")).scalar_one()
        count = select(func.count()).select_from(patient_word).where(patient_word.c.patient == row)
        assert connection.execute(count).scalar_one() == len(name_words(NAMES["1"]))


@given(st.text(max_size=400))
def test_the_words_of_any_name_are_few_and_short(name):
    words = name_words(name)
    assert len(set(words)) == len(words) <= MAX_WORDS
    assert all(0 < len(word) <= MAX_WORD_LENGTH and " " not in word for word in words)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), st.text(max_size=4))
def test_a_range_holds_what_begins_so_and_nothing_else(prefix, rest):
    bounds = begins_with(patient_word.c.word, prefix).compile().params.values()
    lowest, *highest = sorted(bounds)
    assert lowest <= prefix + rest
    assert not highest or prefix + rest < highest[0]
    assert not highest or not any(highest[0].startswith(prefix) for _ in highest)

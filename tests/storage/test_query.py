"""Searching: matching kinds of PS3.4 C.2.2.2, levels, paging, and what is returned."""

from __future__ import annotations

import pytest
from query_studies import HOTAN, KASHI, made_archive, put, with_two_sites
from sqlalchemy import event, true
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.errors import Invalid
from storage.matching import MAX_UIDS, MAX_VALUES
from storage.query import MAX_LIMIT, Level, Match, Query, search
from storage.query_keys import QUERY_KEYS, Kind
from storage.sites import Site, put_site
from storage.tables import site, study
from storage.visibility import Visible

LEVELS = (Level.STUDY, Level.SERIES, Level.INSTANCE)


@pytest.fixture(scope="module")
def archive(tmp_path_factory, pair):
    with pair.place(tmp_path_factory.mktemp("archive"), with_two_sites) as place:
        opened = place.open()
        fill(opened)
        yield opened
        opened.close()


def fill(archive):
    """Four studies of one hospital, one of another."""
    put(
        archive,
        "1",
        PatientName="OHIF^SynthCT",
        PatientID="1234",
        AccessionNumber="A_1",
        StudyID="S1",
        StudyDate="20240110",
        StudyTime="101500",
        StudyDescription="CHEST 100% dose",
        PatientSex="F",
        PatientBirthDate="19700102",
        ReferringPhysicianName="Müller^Hans",
        BodyPartExamined="CHEST",
    )
    put(
        archive,
        "1",
        "2",
        "1",
        Modality="SR",
        PatientName="OHIF^SynthCT",
        PatientID="1234",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11",
    )
    put(
        archive,
        "2",
        PatientName="Wang^XiaoDong=王^小东",
        PatientID="_234",
        AccessionNumber="AX1",
        StudyDate="20240110",
        StudyTime="1016",
        StudyDescription="CHEST 100 dose",
        Modality="MR",
        IssuerOfPatientID="HIS",
        BodyPartExamined="HEAD",
    )
    put(
        archive,
        "3",
        PatientName="ÖSTBERG^ÅSA",
        PatientID="1%4",
        AccessionNumber="B'; DROP TABLE study; --",
        StudyDate="20230501",
        StudyTime="235959.5",
        Modality="US",
        StudyDescription="back\\slash",
    )
    put(
        archive,
        "4",
        PatientName="Abdukerim^Tursun",
        PatientID="99",
        Modality="MR",
        SeriesDescription="t1_tse!",
    )
    put(
        archive,
        "4",
        "2",
        "1",
        PatientName="Abdukerim^Tursun",
        PatientID="99",
        Modality="CT",
        SeriesDescription="localizer",
    )
    put(archive, "4", "2", "2", PatientName="Abdukerim^Tursun", PatientID="99", Modality="CT")
    put(archive, "9", site=HOTAN, PatientName="OHIF^SynthCT", PatientID="1234", StudyDate="20250101")


def found(archive, level=Level.STUDY, *, visible=None, **values):
    fields = {name: values.pop(name) for name in list(values) if name in Query.__dataclass_fields__}
    matches = [
        Match(key, (value,) if isinstance(value, str) else tuple(value)) for key, value in values.items()
    ]
    visible = study.c.site == KASHI if visible is None else visible
    with archive.database.read() as connection:
        return search(connection, Query(level, matches, **fields), visible)


def studies(archive, **values):
    return {item["0020000D"]["Value"][0].rpartition(".")[2] for item in found(archive, **values).items}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "1234"),
        ({"PatientID": "*"}, "1234"),
        ({"PatientID": ""}, "1234"),
        ({"PatientID": "1234"}, "1"),
        ({"PatientID": " 1234 "}, "1"),
        ({"PatientID": "_234"}, "2"),  # the underscore is a character of the identifier
        ({"PatientID": "_*"}, "2"),
        ({"PatientID": "1%4"}, "3"),
        ({"PatientID": "*%*"}, "3"),
        ({"PatientID": "?234"}, "12"),
        ({"PatientID": "12"}, ""),
        ({"PatientID": "12*"}, "1"),
        ({"PatientID": ["1234", "99"]}, "14"),
        ({"AccessionNumber": "A_1"}, "1"),
        ({"AccessionNumber": "a_1"}, ""),
        ({"AccessionNumber": "*a_1*"}, "1"),
        ({"AccessionNumber": "a?1"}, "12"),
        ({"AccessionNumber": "B'; DROP TABLE study; --"}, "3"),
        ({"AccessionNumber": "' OR '1'='1"}, ""),
        ({"AccessionNumber": "x' OR 1=1 --*"}, ""),
        ({"StudyDescription": "*100%*"}, "1"),
        ({"StudyDescription": "*chest*"}, "12"),
        ({"StudyID": "S1"}, "1"),
        ({"IssuerOfPatientID": "HIS"}, "2"),
        ({"PatientBirthDate": "19700102"}, "1"),
        ({"PatientSex": "F"}, "1"),
        ({"SeriesDescription": "*!"}, "4"),
        ({"StudyInstanceUID": "2.25.2"}, "2"),
        ({"StudyInstanceUID": ["2.25.2", "2.25.3", "2.25.777"]}, "23"),
        ({"StudyDate": "20240110"}, "12"),
        ({"StudyDate": "20230501-20240109"}, "3"),
        ({"StudyDate": "20230501-20240110"}, "123"),
        ({"StudyDate": "20240101-"}, "12"),
        ({"StudyDate": "-20231231"}, "3"),  # a study without a date is in no range
        ({"StudyTime": "101500"}, "1"),
        ({"StudyTime": "10"}, "12"),
        ({"StudyTime": "1015-1016"}, "12"),
        ({"StudyTime": "101501-"}, "23"),
        ({"StudyTime": "-101600"}, "12"),
        ({"StudyTime": "235959-"}, "3"),
        ({"ModalitiesInStudy": "MR"}, "24"),
        ({"ModalitiesInStudy": ["MR", "US"]}, "234"),
        ({"ModalitiesInStudy": "SR"}, "1"),
        ({"ModalitiesInStudy": "C"}, ""),
        ({"Modality": "CT"}, "14"),
        ({"Modality": "CT", "SeriesDescription": "localizer"}, "4"),
        ({"Modality": "MR", "SeriesDescription": "localizer"}, ""),  # one series must meet both
        ({"SOPInstanceUID": "2.25.4.2.2"}, "4"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "CT"}, ""),
        ({"SeriesNumber": "2", "InstanceNumber": "2"}, "4"),
        ({"BodyPartExamined": "chest"}, "1"),
    ],
)
def test_matching(archive, query, expected):
    assert studies(archive, **query) == set(expected)


@pytest.mark.parametrize(
    ("name", "fuzzy", "expected"),
    [
        ("OHIF^SynthCT", False, "1"),
        ("ohif^synthct", False, "1"),
        ("OHIF^SynthCT^^", False, "1"),
        ("OHIF", False, ""),
        ("OHIF*", False, "1"),
        ("*synth*", False, "1"),
        ("OHIF^Synth??", False, "1"),
        ("王^小东", False, "2"),
        ("王*", False, "2"),
        ("小东*", False, ""),  # begins no component group
        ("Wang*=王*", False, "2"),
        ("Wang*=李*", False, ""),
        ("östberg^*", False, "3"),
        ("ÖSTBERG^ÅSA", False, "3"),
        ("_HIF^SynthCT", False, ""),
        ("%", False, ""),
        ("=", False, "1234"),
        ("*ohif^syn*", True, "1"),  # what OHIF sends
        ("*YNTH*", True, "1"),
        ("synth ohif", True, "1"),
        ("hif", True, ""),
        ("xiaod wang", True, "2"),
        ("小", True, "2"),
        ("åsa", True, "3"),
        ("tursun_", True, ""),
        ("^", True, "1234"),
        ("*", True, "1234"),
    ],
)
def test_names(archive, name, fuzzy, expected):
    assert studies(archive, PatientName=name, fuzzy=fuzzy) == set(expected)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"StudyInstanceUID": "abc"}, r"\(0020,000D\) StudyInstanceUID"),
        ({"StudyInstanceUID": "2.25.*"}, "StudyInstanceUID"),
        ({"StudyDate": "2024-01-10"}, r"\(0008,0020\) StudyDate"),
        ({"StudyDate": "20240231"}, "StudyDate"),
        ({"StudyDate": "-"}, "StudyDate"),
        ({"StudyTime": "10:15"}, "StudyTime"),
        ({"SeriesNumber": "two"}, "SeriesNumber"),
        ({"SeriesNumber": "99999999999"}, "SeriesNumber"),
        ({"PatientID": "12\x0034"}, "PatientID"),
        ({"PatientID": "12\ud80034"}, "PatientID"),
        ({"PatientName": "\udfff", "fuzzy": True}, "PatientName"),
        ({"PatientID": "x" * 257}, "PatientID"),
        ({"StudyDescription": "*" + "a" * 60_000 + "*"}, "StudyDescription"),
        ({"PatientName": "a" * 257, "fuzzy": True}, "PatientName"),
        ({"PatientName": "a " * 33, "fuzzy": True}, "PatientName"),
        ({"PatientName": "a=b=c=d"}, "PatientName"),
        ({"StudyInstanceUID": [f"1.{n}" for n in range(1001)]}, "StudyInstanceUID"),
        ({"StudyInstanceUID": [f"1.{n}" for n in range(40_000)]}, "StudyInstanceUID"),
        ({"PatientID": [str(n) for n in range(101)]}, "PatientID"),
        ({"ModalitiesInStudy": [str(n) for n in range(2000)]}, "ModalitiesInStudy"),
        ({"SeriesNumber": "9" * 5000}, "SeriesNumber"),
        ({"PatientWeight": "70"}, "PatientWeight"),
        ({"NoSuchThing": "70"}, "NoSuchThing"),
    ],
)
def test_what_cannot_be_matched_is_named(archive, query, named):
    with pytest.raises(Invalid, match=named):
        found(archive, **query)


@pytest.mark.parametrize("level", LEVELS)
def test_only_the_visible_is_found(archive, level):
    assert {i["0020000D"]["Value"][0] for i in found(archive, level).items} == {f"2.25.{n}" for n in "1234"}
    only_hotan = found(archive, level, visible=study.c.site == HOTAN).items
    assert [item["0020000D"]["Value"][0] for item in only_hotan] == ["2.25.9"]
    assert not found(archive, level, SOPInstanceUID="2.25.9.1.1").items


def test_newest_first_and_pages_join_up(archive):
    def uids(page):
        return [item["0020000D"]["Value"][0] for item in page.items]

    whole = found(archive)
    assert uids(whole) == ["2.25.2", "2.25.1", "2.25.3", "2.25.4"]
    assert not whole.more
    pages = [found(archive, limit=1, offset=n) for n in range(4)]
    assert [uid for page in pages for uid in uids(page)] == uids(whole)
    assert [page.more for page in pages] == [True, True, True, False]
    assert found(archive, limit=10, offset=10).items == []
    assert len(found(archive, limit=MAX_LIMIT * 10).items) == 4


@pytest.mark.parametrize(
    "wrong", [{"limit": -1}, {"limit": 2**31 + 1}, {"offset": -1}, {"offset": 2**31 + 1}]
)
def test_impossible_pages_are_refused(archive, wrong):
    with pytest.raises(Invalid):
        found(archive, **wrong)


def test_a_study_answer_has_its_return_attributes(archive):
    (item,) = found(archive, PatientID="1234").items
    assert item["00080061"]["Value"] == ["CT", "SR"]
    assert item["00201206"]["Value"] == [2]
    assert item["00201208"]["Value"] == [2]
    assert item["00100010"]["Value"] == [{"Alphabetic": "OHIF^SynthCT"}]
    required = [
        "00080020",
        "00080030",
        "00080050",
        "00080056",
        "00080061",
        "00080090",
        "00100010",
        "00100020",
        "00100030",
        "00100040",
        "0020000D",
        "00200010",
        "00201206",
        "00201208",
    ]
    for answer in found(archive).items:
        assert set(required) <= set(answer)
    assert found(archive, PatientID="99").items[0]["00080020"] == {"vr": "DA"}


def test_series_of_one_study(archive):
    items = found(archive, Level.SERIES, study_instance_uid="2.25.4").items
    assert [item["0020000E"]["Value"] for item in items] == [["2.25.4.1"], ["2.25.4.2"]]
    assert [item["00201209"]["Value"] for item in items] == [[1], [2]]
    assert items[0]["00080060"]["Value"] == ["MR"]
    assert items[0]["0020000D"]["Value"] == ["2.25.4"]
    assert "00100010" not in items[0]


def test_series_everywhere_tell_their_study(archive):
    (item,) = found(archive, Level.SERIES, Modality="SR").items
    assert item["00100020"]["Value"] == ["1234"]
    assert item["00080060"]["Value"] == ["SR"]


def test_instances_and_included_fields(archive):
    scope = {"study_instance_uid": "2.25.4", "series_instance_uid": "2.25.4.2"}
    items = found(archive, Level.INSTANCE, **scope).items
    assert [item["00080018"]["Value"][0] for item in items] == ["2.25.4.2.1", "2.25.4.2.2"]
    assert "00100010" not in items[0]
    (first, _) = found(archive, Level.INSTANCE, include=["00100010", "0008103E"], **scope).items
    assert first["00100010"]["Value"] == [{"Alphabetic": "Abdukerim^Tursun"}]
    assert first["0008103E"]["Value"] == ["localizer"]
    (everything, _) = found(archive, Level.INSTANCE, include=["all"], **scope).items
    assert set(first) < set(everything)


def test_an_instance_meets_keys_of_every_level(archive):
    query = {"PatientName": "Abdu*", "Modality": "CT", "InstanceNumber": "2"}
    (item,) = found(archive, Level.INSTANCE, **query).items
    assert item["00080018"]["Value"] == ["2.25.4.2.2"]
    assert item["00100020"]["Value"] == ["99"]
    (series_item,) = found(archive, Level.SERIES, SOPInstanceUID="2.25.4.2.2").items
    assert series_item["0020000E"]["Value"] == ["2.25.4.2"]


@pytest.mark.parametrize("level", LEVELS)
def test_three_statements_for_a_page(archive, level):
    statements = []

    def count(*args):
        statements.append(args[2])

    event.listen(archive.database.engine, "before_cursor_execute", count)
    try:
        found(archive, level, PatientName="*", Modality="CT", ModalitiesInStudy="CT", visible=true())
    finally:
        event.remove(archive.database.engine, "before_cursor_execute", count)
    assert len([text for text in statements if text.startswith("SELECT")]) == 3


@pytest.mark.parametrize("level", LEVELS)
def test_the_longest_query_that_is_taken_is_answered(archive, level):
    """No limit of the database is met before one of ours: all keys, lists as long as they may be."""
    uids = tuple(f"1.{n}" for n in range(MAX_UIDS))
    texts = tuple(f"*{n:03}={'a?' * 120}=Ö*" for n in range(MAX_VALUES))
    values = {
        **dict.fromkeys((Kind.TEXT, Kind.CODE, Kind.CODES, Kind.NAME), texts),
        Kind.UID: uids,
        Kind.NUMBER: tuple(str(n) for n in range(MAX_VALUES)),
        Kind.DATE: tuple(f"20240101-2024{month:02}{day:02}" for month in range(1, 6) for day in range(1, 21)),
        Kind.TIME: tuple(f"10{n % 60:02}{n // 60:02}" for n in range(MAX_VALUES)),
    }
    query = {key.keyword: values[key.kind] for key in QUERY_KEYS.values()}
    assert found(archive, level, **query, offset=2**31, limit=2**31).items == []
    words = tuple(f"{n} " + "a " * 31 for n in range(MAX_VALUES))
    names = dict.fromkeys(("PatientName", "ReferringPhysicianName"), words)
    assert found(archive, level, **{**query, **names}, fuzzy=True).items == []


def test_a_long_list_of_uids_finds_what_is_there(archive):
    listed = [f"2.25.{n}" for n in range(MAX_UIDS)]
    assert studies(archive, StudyInstanceUID=listed) == set("1234")


def test_an_error_of_the_database_does_not_tell_what_was_asked(archive):
    values = {"code": "KASHI", "name": "SENTINEL", "name_zh": "", "level": "", "timezone": ""}
    with pytest.raises(IntegrityError) as raised, archive.database.write() as connection:
        connection.execute(site.insert().values(**values))
    assert Database("postgresql://nobody@127.0.0.1/none").engine.hide_parameters
    assert "SENTINEL" not in str(raised.value)


def test_a_page_of_many_hospitals_is_the_newest_of_all(tmp_path, monkeypatch):
    """Windows of days, one further back than the other, find what going through everything finds."""
    monkeypatch.setattr("storage.finding._DEPTHS", (8, 16))
    archive = made_archive(tmp_path)
    sites = tuple(f"S{number}" for number in range(4))
    with archive.database.write() as connection:
        for code in sites:
            put_site(archive.database, connection, Site(code, code, code, "county", "Asia/Urumqi"))
    for number in range(32):
        name = "RARE" if number == 3 else "AB"[number % 2]
        day = f"2024{1 + number % 9:02}{1 + number % 25:02}"
        put(archive, str(number), site=sites[number % 4], StudyDate=day, StudyDescription=f"x {name} y")
    for name, count in (("A", 7), ("B", 7), ("RARE", 1), ("NONE", 0)):
        query = Query(Level.STUDY, [Match("StudyDescription", (f"*{name}*",))], limit=7)
        with archive.database.read() as connection:
            found, every = (
                [item["0020000D"] for item in search(connection, query, seen).items]
                for seen in (Visible(sites), study.c.site.in_(sites))
            )
        assert found == every
        assert len(found) == count
    archive.close()

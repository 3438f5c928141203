"""What is kept of each link, and when its silence is unusual: simulated hospitals with a known past."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from storage import silence
from storage.archive import Archive
from storage.link_board import LinkState, board
from storage.links import AssociationSummary, OpenAssociation, is_sending, record_association, report_open
from storage.silence import HOUR, Usual

ZONE = "Asia/Urumqi"
MONDAY = datetime(2026, 11, 2, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
SITES = 1200


# -- silence -----------------------------------------------------------------------------------------


def _rate(kind: str, local: datetime) -> float:
    """The chance that something comes in this hour, by the kind of hospital."""
    by_day = 8 <= local.hour < 18
    weekend = local.weekday() >= 5
    if kind == "county":  # shut at night and at weekends
        return 0.9 if by_day and not weekend else 0.0
    if kind == "city":  # busy by day, a few emergencies at night
        return 0.99 if by_day else 0.35
    return 0.25 if by_day else 0.02  # a township: a few studies a day


def _past(chance: random.Random, kind: str, weeks: int, end: datetime) -> list[datetime]:
    hours = (end - HOUR * back for back in range(1, weeks * 168 + 1))
    zone = ZoneInfo(ZONE)
    return [hour for hour in hours if chance.random() < _rate(kind, hour.astimezone(zone))]


def _learned(chance: random.Random, kind: str, end: datetime) -> tuple[Usual, datetime]:
    past = _past(chance, kind, 6, end)
    usual = silence.learn(past, end - timedelta(weeks=6), max(past), ZONE)
    assert usual is not None
    return usual, max(past) + timedelta(minutes=30)


def _hours_until_alarm(usual: Usual, last_at: datetime, since: datetime) -> float:
    """How long after `since` a muted sender is noticed."""
    now = since
    while not silence.judge(usual, last_at, now, ZONE).unusual:
        now += timedelta(minutes=15)
        assert now - since < timedelta(weeks=3), "never noticed"
    return (now - since) / HOUR


def test_one_muted_hospital_of_1200_is_found_the_same_day_and_no_other_is_named() -> None:
    chance = random.Random(1200)
    tuesday = MONDAY + timedelta(weeks=2, days=1)
    muted_at, zone = tuesday + timedelta(hours=9), ZoneInfo(ZONE)
    kinds = ["county"] * 40 + ["city"] * 20 + ["township"] * 40
    patterns = [(kind, *_learned(chance, kind, muted_at)) for kind in kinds]
    _, usual, last_at = patterns[45]
    assert _hours_until_alarm(usual, max(last_at, muted_at), muted_at) <= 6

    # twelve hospitals of each pattern live on for a day, each by chance of its own, looked at every hour
    false_alarms = []
    for number in range(SITES):
        kind, usual, last = patterns[number % len(patterns)]
        now = muted_at
        for _ in range(24):
            now += HOUR
            if chance.random() < _rate(kind, (now - HOUR).astimezone(zone)):
                last = now - timedelta(minutes=20)
            if silence.judge(usual, last, now, ZONE).unusual:
                false_alarms.append((number, kind, now))
    assert false_alarms == []


@pytest.mark.parametrize("kind", ["county", "city", "township"])
def test_no_alarm_at_night_and_one_when_the_day_goes_by(kind: str) -> None:
    evening = MONDAY + timedelta(weeks=2, hours=18)
    usual, _ = _learned(random.Random(7), kind, evening)
    last_at = evening - timedelta(minutes=30)
    night = [evening + HOUR * hours for hours in range(15)]
    if (
        kind == "city"
    ):  # it sends at night, too, so a whole night of nothing may be an alarm, its first half not
        night = night[:7]
    assert [now for now in night if silence.judge(usual, last_at, now, ZONE).unusual] == []
    assert silence.judge(usual, last_at, evening + timedelta(weeks=2), ZONE).unusual


def test_a_weekend_of_silence_is_no_alarm_for_who_is_shut_and_monday_is_one() -> None:
    friday = MONDAY + timedelta(weeks=2, days=4, hours=18)
    usual, _ = _learned(random.Random(3), "county", friday)
    last_at = friday - timedelta(minutes=10)
    monday_morning = friday + timedelta(days=2, hours=14)
    assert silence.judge(usual, last_at, monday_morning, ZONE).hours < 1
    assert not silence.judge(usual, last_at, monday_morning + HOUR, ZONE).unusual
    assert silence.judge(usual, last_at, monday_morning + HOUR * 10, ZONE).unusual


def test_a_short_past_teaches_nothing() -> None:
    hours = [MONDAY + HOUR * number for number in range(100)]
    assert silence.learn(hours, MONDAY, MONDAY + timedelta(days=6), ZONE) is None
    assert silence.learn(hours[:19], MONDAY, MONDAY + timedelta(weeks=4), ZONE) is None
    assert silence.learn(hours, MONDAY, MONDAY + timedelta(days=8), ZONE) is not None


def test_what_was_learned_survives_the_index() -> None:
    usual, last_at = _learned(random.Random(5), "city", MONDAY + timedelta(weeks=2))
    again = Usual.from_json(usual.to_json())
    assert again is not None
    later = last_at + timedelta(hours=7)
    first, second = (silence.judge(one, last_at, later, ZONE) for one in (usual, again))
    assert first.hours == pytest.approx(second.hours, rel=1e-3)
    assert Usual.from_json({}) is None


# -- the book of associations ------------------------------------------------------------------------


def _summary(at: datetime, ended: str = "released", **values: object) -> AssociationSummary:
    fixed = {"site": "KASHI", "ae_title": "KASHI_PACS", "host": "127.0.0.1", "address": "127.0.0.1"}
    begun = at - timedelta(minutes=2)
    return AssociationSummary(**{**fixed, "began_at": begun, "ended_at": at, "ended": ended, **values})  # type: ignore[arg-type]


def _record(archive: Archive, *summaries: AssociationSummary) -> None:
    with archive.database.write() as connection:
        for summary in summaries:
            record_association(archive.database, connection, summary)


def _kashi(archive: Archive, now: datetime):
    with archive.database.read() as connection:
        (line,) = board(connection, now, ["KASHI"])
    return line


def test_a_node_that_never_called_is_on_the_board(archive: Archive) -> None:
    with archive.database.read() as connection:
        lines = board(connection, MONDAY)
    assert {(line.site, line.ae_title, line.state) for line in lines} == {
        ("KASHI", "KASHI_PACS", LinkState.NEVER),
        ("AKSU", "AKSU_CT", LinkState.NEVER),
        ("HOTAN", "HOTAN_CT", LinkState.NEVER),
    }


def test_associations_add_up_by_hour_and_by_day(archive: Archive) -> None:
    now = MONDAY + timedelta(hours=10, minutes=30)
    _record(
        archive,
        _summary(MONDAY - HOUR, stored=7, bytes=70, studies={"1.0": 7}),  # yesterday, and within 24 hours
        _summary(now - HOUR * 2, stored=30, duplicate=2, bytes=3000, studies={"1.1": 32}),
        _summary(now - timedelta(minutes=5), stored=10, bytes=1000, studies={"1.1": 5, "1.2": 5}),
        _summary(now - timedelta(minutes=1)),
    )
    line = _kashi(archive, now)
    assert (line.today.images, line.today.duplicate, line.today.bytes) == (40, 2, 4000)
    assert (line.today.studies, line.today.associations) == (2, 3)
    assert (line.hours[-1], line.hours[-3], line.hours[-12]) == (10, 32, 7)
    assert sum(line.hours) == 49
    assert line.last_seen_at == now - timedelta(minutes=1)
    assert line.last_image_at == now - timedelta(minutes=5)
    assert line.state is LinkState.LEARNING


def test_what_went_wrong_is_told_and_a_break_is_taken_back(archive: Archive) -> None:
    now = MONDAY + timedelta(hours=10)
    _record(archive, _summary(now - HOUR, "lost", stored=3))
    line = _kashi(archive, now)
    assert (line.state, line.last_trouble) == (LinkState.TROUBLE, "LOST")
    _record(archive, _summary(now - timedelta(minutes=10), stored=9))
    line = _kashi(archive, now)
    assert (line.state, line.last_trouble) == (LinkState.LEARNING, "")
    assert [(trouble.reason, trouble.count) for trouble in line.troubles] == [("LOST", 1)]

    _record(archive, _summary(now, failed=4, stored=1, reasons={"A700": 4}))
    _record(archive, _summary(now, held_aside=2, reasons={"OTHER_PATIENT": 1}))
    _record(archive, _summary(now, stored=1))
    line = _kashi(archive, now)
    assert line.state is LinkState.TROUBLE, "a good association does not mend what failed in another"
    assert {(t.reason, t.count) for t in line.troubles} == {
        ("LOST", 1),
        ("A700", 4),
        ("OTHER_PATIENT", 1),
        ("HELD_ASIDE", 1),
    }
    assert _kashi(archive, now + timedelta(hours=25)).state is LinkState.LEARNING


def test_a_lasting_association_is_counted_in_parts(archive: Archive) -> None:
    now = MONDAY + timedelta(hours=10)
    _record(archive, _summary(now - HOUR, "open", stored=5, studies={"1.1": 5}))
    _record(archive, _summary(now, stored=2, studies={"1.1": 2}))
    line = _kashi(archive, now)
    assert (line.today.images, line.today.associations, line.today.studies) == (7, 1, 1)


def test_the_board_learns_and_names_the_silent_link(archive: Archive) -> None:
    chance = random.Random(11)
    end = MONDAY + timedelta(weeks=4, hours=10)
    past = sorted(_past(chance, "city", 5, end))
    _record(archive, *(_summary(hour + timedelta(minutes=20), stored=20, bytes=10) for hour in past))
    assert _kashi(archive, end).state is LinkState.OK
    line = _kashi(archive, end + HOUR * 6)
    assert line.state is LinkState.SILENT
    assert line.silence is not None
    assert line.silence.times > 3
    with archive.database.write() as connection:
        sending = OpenAssociation("KASHI", "KASHI_PACS", end, "127.0.0.1", sending=True)
        report_open(connection, process="node-1", associations=[sending], at=end + HOUR * 6)
    line = _kashi(archive, end + HOUR * 6)
    assert (line.state, line.open_associations, line.sending) == (LinkState.OK, 1, 1)


def test_what_a_process_says_is_open_ends_with_the_process(archive: Archive) -> None:
    now = MONDAY
    sending = OpenAssociation("KASHI", "KASHI_PACS", now, "127.0.0.1", "1.2.3", sending=True)
    with archive.database.write() as connection:
        report_open(connection, process="a", associations=[sending, sending], at=now)
        report_open(connection, process="b", associations=[sending], at=now)
        assert is_sending(connection, "KASHI", "1.2.3", now)
        assert not is_sending(connection, "AKSU", "1.2.3", now)
        report_open(connection, process="a", associations=[], at=now)
    assert _kashi(archive, now).open_associations == 1
    assert _kashi(archive, now + timedelta(minutes=1)).open_associations == 0
    with archive.database.read() as connection:
        assert not is_sending(connection, "KASHI", "1.2.3", now + timedelta(minutes=1))

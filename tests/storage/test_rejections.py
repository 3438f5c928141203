"""Rejection notes (IHE IOCM): what they hide, whose, and how it comes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from keeping import lose_index
from query_studies import HOTAN, KASHI, put, with_two_sites
from sqlalchemy import select

from storage.changes import changes_after, last_position
from storage.declarations import keep_declarations
from storage.derived import wrong_counts
from storage.errors import Conflict, Invalid, NotFound
from storage.ingest import Outcome, Sender, ingest
from storage.query import Level, Match, Query, search
from storage.reindex import count_blobs, reindex
from storage.rejecting import reject, restore
from storage.rejection_note import REASONS, Reference, write_note
from storage.rejections import rejections
from storage.retrieve import instances
from storage.tables import instance, series, study

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def archive(tmp_path, pair):
    """One hospital's study of two series (CT with three images, SR with one), and the same study elsewhere."""
    with pair.place(tmp_path, with_two_sites) as place:
        opened = place.open()
        for number in "123":
            put(opened, "1", "1", number, PatientName="Wang^Xiao")
        put(opened, "1", "2", "1", PatientName="Wang^Xiao", Modality="SR")
        put(opened, "1", "1", "1", site=HOTAN, PatientName="Another^One")
        yield opened
        opened.close()


def seen(archive, level, site=KASHI, **matches):
    """UIDs that a search finds at a level."""
    tag = {Level.STUDY: "0020000D", Level.SERIES: "0020000E", Level.INSTANCE: "00080018"}[level]
    asked = [Match(keyword, (value,)) for keyword, value in matches.items()]
    with archive.database.read() as connection:
        page = search(connection, Query(level, asked), study.c.site == site, counted=100)
    assert page.total == len(page.items)
    return [item[tag]["Value"][0].removeprefix("2.25.") for item in page.items]


def given(archive, site=KASHI):
    with archive.database.read() as connection:
        found = instances(connection, study.c.site == site)
    return [one.sop_instance_uid.removeprefix("2.25.") for one in found]


def counts(archive):
    names = ("number_of_study_related_series", "number_of_study_related_instances", "modalities_in_study")
    with archive.database.read() as connection:
        assert list(wrong_counts(connection)) == []
        columns = (*(study.c[name] for name in names), study.c.received_instances, study.c.rejected)
        return tuple(connection.execute(select(*columns).where(study.c.site == KASHI)).one())


def note(*uids, code="113001", study_uid="2.25.1", reason="motion"):
    """A note as a hospital's PACS sends it."""
    patient = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Xiao"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "0020000D": {"vr": "UI", "Value": [study_uid]},
    }
    references = [Reference(uid.rpartition(".")[0], CT, uid) for uid in uids]
    return write_note(patient, references, code, reason, datetime(2026, 1, 2, tzinfo=UTC))


def send(archive, made, site=KASHI):
    receipt = ingest(archive, *made, Sender(site, "PACS"))
    assert receipt.outcome is Outcome.STORED
    return receipt


@pytest.mark.parametrize("code", REASONS)
def test_what_a_pacs_rejects_is_gone_for_its_own_hospital(archive, code):
    before = len(given(archive))
    with archive.database.read() as connection:
        position = last_position(connection)
    send(archive, note("2.25.1.1.2", code=code))
    assert seen(archive, Level.INSTANCE) == given(archive) == ["1.1.1", "1.1.3", "1.2.1"]
    assert before == 4
    assert seen(archive, Level.SERIES) == ["1.1", "1.2"], "the note's own series is hidden with it"
    assert counts(archive) == (2, 3, "CT\\SR", 5, False)
    assert given(archive, HOTAN) == ["1.1.1"]
    with archive.database.read() as connection:
        (made,) = rejections(connection)
        kinds = [change.kind for change in changes_after(connection, position)]
        blobs = (
            connection.execute(select(instance.c.blob_key).where(instance.c.site == KASHI)).scalars().all()
        )
    assert (made.site, made.code, made.reason, made.actor, made.instances) == (
        KASHI,
        code,
        "motion",
        "PACS",
        1,
    )
    assert kinds[-1] == "rejected"
    assert len(blobs) == 5
    assert all(archive.blobs.holds(key, 1) or archive.blobs.read(key, 0, 1) for key in set(blobs))


def test_a_study_of_which_all_is_rejected_is_gone(archive):
    send(archive, note("2.25.1.1.1", "2.25.1.1.2", "2.25.1.1.3"))
    assert (seen(archive, Level.STUDY), seen(archive, Level.SERIES)) == (["1"], ["1.2"])
    assert seen(archive, Level.STUDY, Modality="CT") == []
    assert seen(archive, Level.STUDY, SOPInstanceUID="2.25.1.1.1") == []
    send(archive, note("2.25.1.2.1"))
    for level in (Level.STUDY, Level.SERIES, Level.INSTANCE):
        assert seen(archive, level) == []
        assert seen(archive, level, PatientName="WANG*") == []
    assert counts(archive) == (0, 0, "", 6, True)
    put(archive, "1", "1", "4", PatientName="Wang^Xiao")
    assert seen(archive, Level.STUDY) == ["1"]
    assert counts(archive)[:3] == (1, 1, "CT")


def test_what_is_sent_again_or_late_stays_rejected(archive):
    send(archive, note("2.25.1.1.2", "2.25.1.1.9"))
    assert put(archive, "1", "1", "2", PatientName="Wang^Xiao").outcome is Outcome.DUPLICATE
    put(archive, "1", "1", "9", PatientName="Wang^Xiao")
    put(archive, "1", "1", "8", PatientName="Wang^Xiao")
    assert given(archive) == ["1.1.1", "1.1.3", "1.1.8", "1.2.1"]
    assert counts(archive)[1] == 4


def test_another_hospitals_note_does_nothing_here(archive):
    ours = (counts(archive), given(archive))
    put(archive, "7", site=HOTAN, PatientID="P1", PatientName="Wang^Xiao")
    send(archive, note("2.25.1.1.1", "2.25.1.1.2", study_uid="2.25.7"), site=HOTAN)
    assert (counts(archive), given(archive)) == ours
    assert "1.1.1" in given(archive, HOTAN), "the evidence names another study than the image is of"


def test_a_key_object_selection_of_another_title_hides_nothing(archive):
    data, syntax = note("2.25.1.1.2")
    send(archive, (data.replace(b"113001", b"113000"), syntax))
    assert "1.1.2" in given(archive)
    data, syntax = note("2.25.1.1.3", code="RESTORED")
    send(archive, (data, syntax))
    with archive.database.read() as connection:
        assert rejections(connection) == []


def test_a_note_on_thousands(archive):
    uids = [f"2.25.1.1.{number}" for number in range(2, 4000)]
    send(archive, note(*uids))
    assert given(archive) == ["1.1.1", "1.2.1"]


def test_by_hand_and_back(archive):
    said = []
    where = (study.c.site == KASHI) & (series.c.series_instance_uid == "2.25.1.1")
    made = reject(archive, where, "113037", "wrong patient", "li.na", said.append)
    assert (made.study_instance_uid, made.instances, len(said)) == ("2.25.1", 3, 1)
    assert given(archive) == ["1.2.1"]
    with archive.database.read() as connection:
        (found,) = rejections(connection)
        position = last_position(connection)
    assert (found.reason, found.actor, found.sop_instance_uid) == (
        "wrong patient",
        "li.na",
        made.sop_instance_uid,
    )
    restore(archive, found.id, "it was the right one", "wang.wei", said.append)
    assert given(archive) == ["1.1.1", "1.1.2", "1.1.3", "1.2.1"]
    assert counts(archive) == (2, 4, "CT\\SR", 4, False)
    with archive.database.read() as connection:
        (found,) = rejections(connection)
        assert [change.kind for change in changes_after(connection, position)][-1] == "restored"
    assert (found.undone_by, found.instances) == ("wang.wei", 0)
    with pytest.raises(Conflict):
        restore(archive, found.id, "", "wang.wei", said.append)
    put(archive, "1", "1", "2", PatientName="Wang^Xiao")
    assert len(given(archive)) == 4


def test_what_cannot_be_rejected(archive):
    with pytest.raises(Invalid, match="113001"):
        reject(archive, study.c.site == KASHI, "113000", "", "li.na", [].append)
    with pytest.raises(NotFound):
        reject(archive, study.c.study_instance_uid == "2.25.99", "113001", "", "li.na", [].append)
    with pytest.raises(NotFound):
        restore(archive, 99, "", "li.na", [].append)


def test_an_index_made_anew_knows_what_is_rejected(archive):
    keep_declarations(archive)
    send(archive, note("2.25.1.1.2", "2.25.1.1.9"))
    reject(archive, study.c.site == KASHI, "113038", "", "li.na", [].append)
    restore(archive, known(archive)[0].id, "", "li.na", [].append)
    put(archive, "1", "1", "9", PatientName="Wang^Xiao")
    before = (given(archive), seen(archive, Level.SERIES), [one.code for one in known(archive)])
    assert before[0] == ["1.1.1", "1.1.3", "1.2.1"]
    lose_index(archive)
    reindex(archive, count_blobs(archive))
    assert (given(archive), seen(archive, Level.SERIES), [one.code for one in known(archive)]) == before
    assert [one.undone_at is None for one in known(archive)] == [False, True]
    counts(archive)


def known(archive):
    with archive.database.read() as connection:
        return rejections(connection)

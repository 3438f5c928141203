"""The index made again from the blobs alone says what the lost one said."""

from __future__ import annotations

from pathlib import Path

from keeping import changed, ct, differing, index_of, lose_index, sender, take_hard_set
from sqlalchemy import delete, func, select, update

from storage.archive import Archive, open_archive
from storage.declarations import keep_declarations, read_declarations
from storage.derived import correct_counts
from storage.ingest import ingest_file
from storage.migrations import upgrade
from storage.reindex import Reindexed, count_blobs, reindex
from storage.sites import Node, put_node
from storage.tables import change, held_aside, instance, patient, series, site, study


def rebuild(archive: Archive) -> Reindexed:
    return reindex(archive, count_blobs(archive))


def test_from_nothing_it_is_the_index_that_was_lost(archive: Archive) -> None:
    take_hard_set(archive)
    keep_declarations(archive)
    lost = index_of(archive)
    assert {row["kind"] for row in lost["held_aside"]} == {"OTHER_CONTENT", "OTHER_PATIENT", "OTHER_SERIES"}
    assert any("热孜宛古" in row["patient_name"] for row in lost["patient"])
    lose_index(archive)
    done = rebuild(archive)
    assert done.from_nothing
    assert done.left == []
    assert done.recorded == done.blobs == len(lost["instance"]) + len(lost["held_aside"])
    assert differing(index_of(archive), lost) == []


def test_doing_it_again_changes_nothing(archive: Archive) -> None:
    take_hard_set(archive)
    keep_declarations(archive)
    before = index_of(archive)
    done = rebuild(archive)
    assert (done.recorded, done.corrected, done.sites, done.left) == (0, 0, 0, [])
    assert differing(index_of(archive), before) == []


def test_what_came_after_the_backup_is_added_and_the_rest_keeps_its_numbers(archive: Archive) -> None:
    """As after restoring yesterday's dump: rows of today are missing, a study of today with them."""
    kept = [ct(archive) for _ in range(2)]
    later = [ct(archive, StudyInstanceUID=study_uid) for study_uid in (kept[0].study_instance_uid, "1.2.3")]
    keep_declarations(archive)
    whole = index_of(archive)
    with archive.database.read() as connection:
        numbers = select(instance.c.id, instance.c.series).order_by(instance.c.id).limit(len(kept))
        before = list(connection.execute(numbers))
    forget(archive, [one.sop_instance_uid for one in later], epoch=len(kept))
    done = reindex(archive, count_blobs(archive))
    assert not done.from_nothing
    assert done.recorded == len(later)
    assert differing(index_of(archive), whole) == []
    with archive.database.read() as connection:
        assert list(connection.execute(numbers)) == before


def forget(archive: Archive, uids: list[str], epoch: int) -> None:
    """Take the rows of instances away, and with them what the index said because of them, back to `epoch`."""
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.sop_instance_uid.in_(uids)))
        connection.execute(delete(series).where(series.c.id.not_in(select(instance.c.series))))
        gone = study.c.id.not_in(select(series.c.study))
        connection.execute(delete(change).where(change.c.study.in_(select(study.c.id).where(gone))))
        connection.execute(delete(study).where(gone))
        connection.execute(delete(change).where(change.c.epoch > epoch))
        connection.execute(update(study).values(epoch=0))
        correct_counts(connection, connection.execute(select(study.c.id)).scalars().all())


def test_what_rows_say_wrongly_is_corrected(archive: Archive) -> None:
    take_hard_set(archive)
    keep_declarations(archive)
    right = index_of(archive)
    with archive.database.write() as connection:
        connection.execute(update(instance).values(rows=1, header=b"unreadable", layout=None, sender="X"))
        connection.execute(update(series).values(modality="XX", number_of_series_related_instances=99))
        connection.execute(
            update(study).values(study_description="", epoch=0, received_instances=0, attributes={})
        )
        connection.execute(delete(instance).where(instance.c.id == 3))
    assert index_of(archive) != right
    done = rebuild(archive)
    assert done.corrected
    said = index_of(archive)
    for row in (*said["study"], *right["study"]):
        # modalities that are said wrongly stay beside the right ones: an instance may differ from its series
        row["modalities_in_study"] = row["received_modalities"] = ""
    for row in (*said["change"], *right["change"]):
        row["epoch"] = row["instance_count"] = 0
    for row in (*said["study"], *right["study"]):
        row["epoch"] = 0
    assert differing(said, right) == []


def test_a_charset_that_is_declared_later_is_read_by(archive: Archive) -> None:
    receipt = ct(archive, "HOTAN", PatientName="plain")
    keep_declarations(archive)
    assert read_declarations(archive.blobs)["HOTAN"].nodes[0].charset == "GB18030"
    assert receipt.outcome == "STORED"
    with archive.database.write() as connection:
        put_node(archive.database, connection, Node("HOTAN", "HOTAN_CT", "127.0.0.1", 104, issuer="NEW"))
    assert keep_declarations(archive) == ["HOTAN"]
    rebuild(archive)
    with archive.database.read() as connection:
        joined = select(patient.c.issuer).join(study, study.c.patient == patient.c.id)
        assert connection.execute(joined).scalar_one() == "NEW"


def test_a_site_of_which_nothing_was_kept_is_made_from_its_code(archive: Archive) -> None:
    ct(archive)
    lose_index(archive)
    rebuild(archive)
    with archive.database.read() as connection:
        assert connection.execute(select(site.c.code)).scalars().all() == ["KASHI"]
        assert connection.execute(select(func.count()).select_from(instance)).scalar_one() == 1


def test_one_site_alone(archive: Archive) -> None:
    for code in ("KASHI", "AKSU"):
        ct(archive, code)
    lose_index(archive, sites=False)
    reindex(archive, count_blobs(archive, "AKSU"))
    with archive.database.read() as connection:
        assert connection.execute(select(instance.c.site)).scalars().all() == ["AKSU"]


def test_a_blob_that_cannot_be_read_is_told_and_does_not_stop_the_others(archive: Archive) -> None:
    whole = [ct(archive) for _ in range(2)]
    archive.blobs.put("KASHI/received/2026-01-01/000000000000-X-" + "0" * 64 + ".dcm", [b"no image"])
    archive.blobs.put("KASHI/something-else", [b"no image either"])
    lose_index(archive, sites=False)
    done = rebuild(archive)
    assert [why for _, why in done.left] == [
        "not a DICOM file: no 'DICM' at byte 128 and no data set at its beginning"
    ]
    assert done.recorded == len(whole)


def test_declarations_are_kept_once(archive: Archive) -> None:
    assert keep_declarations(archive) == ["AKSU", "HOTAN", "KASHI", "SRRSH"]
    assert keep_declarations(archive) == []
    assert [node.ae_title for node in read_declarations(archive.blobs)["KASHI"].nodes] == ["KASHI_PACS"]


def test_other_content_under_a_lost_row_is_not_mixed_up(archive: Archive) -> None:
    """The row of the first was lost, the second was taken for the first since: both are there again."""
    first = ct(archive)
    with archive.database.write() as connection:
        connection.execute(delete(instance))
    again = changed(SOPInstanceUID=first.sop_instance_uid, PatientComments="other")
    ingest_file(archive, again, sender(archive, "KASHI"))
    rebuild(archive)
    with archive.database.read() as connection:
        assert connection.execute(select(held_aside.c.blob_key)).scalar_one() == first.blob_key


def test_a_migrated_database_of_another_place_takes_everything(archive: Archive, tmp_path: Path) -> None:
    """The way to move: the blobs are copied, the index is made there."""
    take_hard_set(archive)
    keep_declarations(archive)
    lost = index_of(archive)
    elsewhere = open_archive(f"sqlite:///{tmp_path / 'new.db'}", f"file://{tmp_path / 'copied'}", tmp_path)
    upgrade(elsewhere.database)
    for info in archive.blobs.list():
        elsewhere.blobs.put(info.key, archive.blobs.chunks(info.key))
    rebuild(elsewhere)
    assert differing(index_of(elsewhere), lost) == []
    elsewhere.close()

"""Series metadata are made once, grow with what comes, and always say what each instance says by itself."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest
from keeping import sender
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import delete, select, update

from storage.archive import Archive
from storage.gapped_gzip import plain_of
from storage.ingest import ingest_file
from storage.metadata_parts import FEW_INSTANCES, FORM, extended, keep, kept_parts, reading_order
from storage.metadata_text import MetadataTexts, address_in_gap
from storage.reindex import count_blobs, reindex
from storage.rejecting import reject, restore
from storage.rejections import rejections
from storage.retrieve import instances
from storage.series_metadata import bring_up, digests, read
from storage.tables import instance, series, series_metadata

BASE = "https://pacs.example.cn/sites/KASHI/dicom-web"


@pytest.fixture(scope="module")
def image():
    found = dcmread(str(get_testdata_file("CT_small.dcm")))
    found.StudyInstanceUID, found.SeriesInstanceUID = "2.25.7", "2.25.7.1"
    found.Rows = found.Columns = 2
    found.PixelData = bytes(8)
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return found


def take_in(archive: Archive, image, *numbers: int) -> int:
    """Slices of one series; returns its row number."""
    for number in numbers:
        image.SOPInstanceUID, image.InstanceNumber = f"2.25.7.1.{number}", number
        image.SliceLocation = number * 1.25
        out = io.BytesIO()
        dcmwrite(out, image, enforce_file_format=True)
        ingest_file(archive, out.getvalue(), sender(archive, "KASHI"))
    with archive.database.read() as connection:
        return connection.execute(
            select(series.c.id).where(series.c.series_instance_uid == "2.25.7.1")
        ).scalar_one()


def told(archive: Archive, row: int) -> list[dict]:
    return json.loads(
        b"".join(plain_of([part.content for part in read(archive, [row])], address_in_gap(BASE)))
    )


def numbers_of(items: list[dict]) -> list[int]:
    return [item["00200013"]["Value"][0] for item in items]


def each_alone(archive: Archive, row: int) -> list[bytes]:
    with archive.database.read() as connection:
        found = instances(connection, instance.c.series == row)
    return [MetadataTexts(archive.blobs).text(one) for one in found]


def test_a_series_says_what_its_instances_say_byte_by_byte(archive: Archive, image) -> None:
    row = take_in(archive, image, 3, 1, 2)
    (part,) = read(archive, [row])
    assert part.content.text() == b",".join(each_alone(archive, row))
    items = told(archive, row)
    assert numbers_of(items) == [1, 2, 3]
    address = f"{BASE}/studies/2.25.7/series/2.25.7.1/instances/2.25.7.1.2/bulkdata/7FE00010"
    assert items[1]["7FE00010"] == {"vr": "OW", "BulkDataURI": address}
    assert digests(archive, [row]) == [part.digest]


def test_what_comes_later_is_added_and_the_rest_is_not_touched(archive: Archive, image) -> None:
    row = take_in(archive, image, *range(1, FEW_INSTANCES + 1))
    first = digests(archive, [row])
    take_in(archive, image, 65, 66)
    second = digests(archive, [row])
    assert second[0] == first[0]
    assert len(second) == 2
    take_in(archive, image, 67)
    assert digests(archive, [row])[0] == first[0]
    assert len(digests(archive, [row])) == 2
    assert numbers_of(told(archive, row)) == list(range(1, 68))
    take_in(archive, image, 0)
    assert numbers_of(told(archive, row)) == list(range(68))
    joined = b",".join(part.content.text() for part in read(archive, [row]))
    assert joined == b",".join(each_alone(archive, row))


def test_what_is_removed_corrected_or_of_another_form_is_told_anew(archive: Archive, image) -> None:
    row = take_in(archive, image, 1, 2, 3)
    whole = read(archive, [row])
    with archive.database.write() as connection:
        connection.execute(delete(instance).where(instance.c.sop_instance_uid == "2.25.7.1.2"))
    assert numbers_of(told(archive, row)) == [1, 3]
    reindex(archive, count_blobs(archive))
    assert read(archive, [row])[0].content.text() == whole[0].content.text()
    with archive.database.write() as connection:
        one = instance.c.sop_instance_uid == "2.25.7.1.1"
        connection.execute(update(instance).where(one).values(instance_number=9, header=b"wrong"))
    reindex(archive, count_blobs(archive))
    assert read(archive, [row])[0].content.text() == whole[0].content.text()
    with archive.database.write() as connection:
        connection.execute(update(series_metadata).values(form=FORM + 1, digest="old"))
    assert read(archive, [row]) == whole


def test_what_is_rejected_is_told_no_more_and_comes_back(archive: Archive, image) -> None:
    row = take_in(archive, image, 1, 2, 3)
    whole = read(archive, [row])[0].content.text()
    reject_slice(archive, 1)
    assert numbers_of(told(archive, row)) == [2, 3]
    with archive.database.read() as connection:
        (made,) = rejections(connection)
    reject_slice(archive, 2)  # one goes and one comes back before anybody looks
    restore(archive, made.id, "it is good", "li.na", [].append)
    assert numbers_of(told(archive, row)) == [1, 3]
    reject_slice(archive, 1)
    reject_slice(archive, 3)
    assert read(archive, [row]) == digests(archive, [row]) == []
    with archive.database.read() as connection:
        notes = [each.id for each in rejections(connection) if each.undone_at is None]
    for note in notes:
        restore(archive, note, "they are good", "li.na", [].append)
    assert read(archive, [row])[0].content.text() == whole


def reject_slice(archive: Archive, number: int) -> None:
    reject(archive, instance.c.sop_instance_uid == f"2.25.7.1.{number}", "113001", "", "li.na", [].append)


def test_who_comes_second_keeps_nothing(archive: Archive, image) -> None:
    """Two processes that make the metadata of one series at the same time."""
    row = take_in(archive, image, 1)
    with archive.database.read() as connection:
        known, order = kept_parts(connection, row), reading_order(connection, row)
    mine = extended(archive, known, order)
    take_in(archive, image, 2)
    theirs = read(archive, [row])
    keep(archive.database, row, known, mine)
    assert read(archive, [row]) == theirs
    assert numbers_of(told(archive, row)) == [1, 2]


def test_many_read_while_images_come(archive: Archive, image) -> None:
    row = take_in(archive, image, 1)
    coming = list(range(2, 20))
    seen: list[list[int]] = []
    wrong: list[BaseException] = []

    def look() -> None:
        try:
            while coming:
                seen.append(numbers_of(told(archive, row)))
        except BaseException as why:
            wrong.append(why)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    while coming:
        take_in(archive, image, coming[0])
        coming.pop(0)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
    assert numbers_of(told(archive, row)) == list(range(1, 20))


def test_several_series_are_told_in_the_order_asked(archive: Archive, image) -> None:
    row = take_in(archive, image, 1)
    other = Path(str(get_testdata_file("MR_small.dcm"))).read_bytes()
    ingest_file(archive, other, sender(archive, "KASHI"))
    with archive.database.read() as connection:
        rows = list(connection.execute(select(series.c.id).order_by(series.c.id.desc())).scalars())
    assert rows == [row + 1, row]
    assert bring_up(archive, rows) == 2
    assert bring_up(archive, rows) == 0
    assert [part.digest for part in read(archive, rows)] == digests(archive, rows)
    assert [part.content.text() for part in read(archive, rows)] == [
        b",".join(each_alone(archive, each)) for each in rows
    ]

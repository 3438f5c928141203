"""Headers out of the index, and out of the blob where they are too large for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from query_studies import KASHI, made_archive, put
from sqlalchemy import select, true

from storage.errors import NotFound
from storage.header import MAX_RAW
from storage.ingest import Sender, ingest_file
from storage.query import Level, Match, Query, search
from storage.retrieve import first_instance, first_value, read_dataset_bytes
from storage.tables import instance


@pytest.fixture
def archive(tmp_path):
    archive = made_archive(tmp_path)
    yield archive
    archive.close()


def stored(archive, receipt):
    with archive.database.read() as connection:
        return first_instance(connection, instance.c.sop_instance_uid == receipt.sop_instance_uid)


def ingested(archive, name):
    data = Path(str(get_testdata_file(name))).read_bytes()
    return stored(archive, ingest_file(archive, data, Sender(KASHI, "TEST")))


def found_by_search(archive, blobs, include=frozenset()):
    query = Query(Level.INSTANCE, [Match("PatientID", ("P1",))], include=include)
    with archive.database.read() as connection:
        return search(connection, query, true(), blobs).items


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "JPEG2000.dcm"],
)
def test_the_index_holds_the_bytes_before_the_pixels(archive, name):
    found = ingested(archive, name)
    kept = found.header_bytes(None)
    assert kept == read_dataset_bytes(archive, found)[: found.header_length]
    assert len(kept) == found.header_length


@pytest.mark.parametrize("name", ["CT_small.dcm", "image_dfl.dcm"])
def test_a_header_that_is_not_kept_is_read_from_the_blob(archive, name):
    found = ingested(archive, name)
    kept = found.header_json(archive.blobs)
    with archive.database.write() as connection:
        connection.execute(instance.update().values(header=None))
        again = first_instance(connection, instance.c.id == found.id)
    assert again.header_json(archive.blobs) == kept
    with pytest.raises(NotFound):
        again.header_json(None)


def test_a_large_document_is_not_in_the_index(archive):
    document = bytes(range(256)) * (MAX_RAW // 128)
    found = stored(archive, put(archive, "1", EncapsulatedDocument=document, Rows=7))
    with archive.database.read() as connection:
        assert connection.execute(select(instance.c.header)).scalar_one() is None
    assert first_value(archive, found, "00280010") == 7
    assert first_value(archive, found, "00280011") is None
    assert found.decoded_header(archive.blobs).EncapsulatedDocument == document


def test_searches_answer_for_large_headers(archive):
    put(archive, "1", EncapsulatedDocument=bytes(MAX_RAW), Rows=7, InstitutionName="喀什")
    (answer,) = found_by_search(archive, archive.blobs, frozenset({"00080080"}))
    assert answer["00280010"]["Value"] == [7]
    assert answer["00080080"]["Value"] == ["喀什"]
    (answer,) = found_by_search(archive, None, frozenset({"00080080"}))
    assert answer["00080018"]["Value"] == ["2.25.1.1.1"]
    assert answer["00200013"]["Value"] == [1]
    assert answer["00280010"]["Value"] == [7]
    assert "00080080" not in answer


def test_texts_are_read_in_the_set_that_was_found_at_ingest(archive):
    sender = Sender(KASHI, "TEST", charset="GB18030")
    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    name = "王^小东".encode("gb18030")
    place = data.index(b"CompressedSamples^CT1")
    data = data[:place] + name.ljust(21, b" ") + data[place + 21 :]
    found = stored(archive, ingest_file(archive, data, sender))
    assert found.charset_terms == ("GB18030",)
    assert first_value(archive, found, "00100010") == {"Alphabetic": "王^小东"}
    assert str(found.header(archive).PatientName) == "王^小东"
    assert str(found.decoded_header(archive.blobs).PatientName) == "王^小东"

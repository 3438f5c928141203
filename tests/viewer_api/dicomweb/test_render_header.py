"""Headers for rendering are read once and do not pile up."""

from __future__ import annotations

from storage.retrieve import first_instance
from storage.tables import instance
from viewer_api.dicomweb.render_header import HeaderCache


def found(served, name):
    with served.archive.database.read() as connection:
        return first_instance(connection, instance.c.sop_instance_uid == served[name].uids[2])


def test_the_same_instance_is_read_once(served):
    cache = HeaderCache()
    header = cache.get(served.archive, found(served, "CT_small.dcm"))
    assert cache.get(served.archive, found(served, "CT_small.dcm")) is header
    assert header.Rows == 128
    assert "PatientName" not in header


def test_large_palettes_are_in_place(served):
    header = HeaderCache().get(served.archive, found(served, "examples_palette.dcm"))
    expected = served["examples_palette.dcm"].dataset.RedPaletteColorLookupTableData
    assert header.RedPaletteColorLookupTableData == expected


def test_the_oldest_go_first(served):
    cache = HeaderCache(max_headers=2)
    names = ("slice 1", "slice 2", "slice 3")
    first, second, _ = (cache.get(served.archive, found(served, name)) for name in names)
    assert len(cache) == 2
    assert cache.get(served.archive, found(served, "slice 2")) is second
    assert cache.get(served.archive, found(served, "slice 1")) is not first


def test_one_that_is_larger_than_all_room_is_still_served(served):
    cache = HeaderCache(max_header_bytes=1)
    assert cache.get(served.archive, found(served, "slice 1")).Rows == 128
    cache.get(served.archive, found(served, "slice 2"))
    assert len(cache) == 1

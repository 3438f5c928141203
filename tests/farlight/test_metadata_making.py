"""The worker makes metadata by itself."""

from __future__ import annotations

import threading
from pathlib import Path

from pydicom.data import get_testdata_file
from running import wait_for
from sqlalchemy import select

from farlight.metadata_making import start_making_metadata
from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.tables import series_metadata


def test_what_came_is_made_without_being_asked_for(archive: Archive) -> None:
    stop = threading.Event()
    thread = start_making_metadata(archive, stop)
    try:
        data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
        ingest_file(archive, data, Sender("KASHI", "TEST"))

        def made() -> bool:
            with archive.database.read() as connection:
                return connection.execute(select(series_metadata.c.instances)).scalars().all() == [1]

        wait_for("the metadata", made)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()

"""The application over a small archive of pydicom's files, on a port of its own."""

from __future__ import annotations

import shutil

import pytest
from served import FRIEND, Served, Stored, add_person_of_both, fill, serve
from special_objects import special_files

from storage.archive import open_archive
from storage.ingest import Sender, ingest_file
from viewer_api.app import WebConfig


@pytest.fixture(scope="session")
def served(tmp_path_factory, prepared_database):
    """Two hospitals' studies behind HTTP; nothing changes them."""
    folder = tmp_path_factory.mktemp("dicomweb")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    stored = fill(archive)
    add_person_of_both(archive)
    with serve(archive, WebConfig(origins=(FRIEND,))) as url:
        yield Served(url, archive, stored)
    archive.close()


@pytest.fixture(scope="session")
def kashi(served):
    """A technician of Kashi."""
    with served.client("technician") as client:
        yield client


@pytest.fixture(scope="session")
def both(served):
    """A technician of Kashi and of Aksu."""
    with served.client("both") as client:
        yield client


@pytest.fixture(scope="session")
def aksu(served):
    """A technician of Aksu."""
    with served.client("aksu") as client:
        yield client


@pytest.fixture
def empty(tmp_path, prepared_database):
    """An application over an empty archive."""
    shutil.copy(prepared_database, tmp_path / "farlight.db")
    archive = open_archive(f"sqlite:///{tmp_path / 'farlight.db'}", f"file://{tmp_path / 'blobs'}", tmp_path)
    with serve(archive) as url:
        yield Served(url, archive)
    archive.close()


@pytest.fixture(scope="session")
def special(tmp_path_factory, prepared_database):
    """A study of Kashi with what is no plain image; nothing changes it."""
    folder = tmp_path_factory.mktemp("special")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    sender = Sender("KASHI", "TEST")
    files = special_files().items()
    stored = {name: Stored(ingest_file(archive, data, sender), data) for name, data in files}
    with serve(archive) as url:
        yield Served(url, archive, stored)
    archive.close()


@pytest.fixture(scope="session")
def viewer(special):
    """A technician of Kashi, who sees that study."""
    with special.client("technician") as client:
        yield client

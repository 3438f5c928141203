"""The application over a small archive of pydicom's files, on a port of its own."""

from __future__ import annotations

import shutil
import threading

import pytest
import uvicorn
from running import wait_for
from served import Served, add_person_of_both, fill

from storage.archive import open_archive
from viewer_api.app import create_app


@pytest.fixture(scope="session")
def served(tmp_path_factory, prepared_database):
    """Two hospitals' studies behind HTTP; nothing changes them."""
    folder = tmp_path_factory.mktemp("dicomweb")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    stored = fill(archive)
    add_person_of_both(archive)
    config = uvicorn.Config(create_app(archive), host="127.0.0.1", port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for("the application", lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", archive, stored)
    server.should_exit = True
    thread.join(20)
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

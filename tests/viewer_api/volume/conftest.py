"""The application over an archive of phantoms, on a port of its own."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from phantom import Phantom, ingest
from pydicom import Dataset
from running import Client, wait_for

from storage.archive import Archive, open_archive
from viewer_api.app import create_app


@dataclass(frozen=True)
class Service:
    """The running application."""

    url: str
    archive: Archive

    def holds(self, phantom: Phantom, datasets: list[Dataset] | None = None, site: str = "KASHI") -> Phantom:
        """Ingest a phantom's slices, or these data sets instead."""
        ingest(self.archive, phantom.slices() if datasets is None else datasets, site)
        return phantom

    @contextmanager
    def client(self, username: str, tree: str = "/dicom-web"):
        """Signed in; addresses are relative to a DICOMweb tree."""
        with Client(self.url) as client:
            client.sign_in(username)
            client.base_url = f"{self.url}{tree}"
            yield client


@pytest.fixture(scope="session")
def service(tmp_path_factory, prepared_database):
    """Two hospitals, no images yet."""
    folder = tmp_path_factory.mktemp("volumes")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    config = uvicorn.Config(create_app(archive), host="127.0.0.1", port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for("the application", lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Service(f"http://127.0.0.1:{port}", archive)
    server.should_exit = True
    thread.join(20)
    archive.close()


@pytest.fixture(scope="session")
def kashi(service):
    """A technician of Kashi."""
    with service.client("technician") as client:
        yield client


@pytest.fixture(scope="session")
def aksu(service):
    """A technician of Aksu."""
    with service.client("aksu") as client:
        yield client

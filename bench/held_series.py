"""A new series that all servers of a comparison are sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread

from bench.phantom import write_phantoms
from bench.series import send
from bench.web_servers import WebServer


@dataclass(frozen=True)
class Held:
    """A series that the servers hold: the address of each instance."""

    instances: list[str]

    @property
    def series(self) -> str:
        """Its address."""
        return self.instances[0].partition("/instances/")[0]


def hold(made: Path, servers: list[WebServer], images: int, pixels: int) -> Held:
    """Send a new series to all of them."""
    folder = made / f"series{len(list(made.iterdir()))}"
    paths = write_phantoms(folder, images, pixels)
    for server in servers:
        send(server.dicom, [folder])
    addresses = [_address(path) for path in paths]
    for path in paths:
        path.unlink()
    return Held(addresses)


def _address(path: Path) -> str:
    one = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"])
    uid = one.file_meta.MediaStorageSOPInstanceUID
    return f"/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}/instances/{uid}"

"""`farlight demo`."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import httpx
from rich.console import Console

from farlight import logs
from farlight.cli.imports import progress_bar
from farlight.settings import PREFIX, Settings, load_settings
from farlight.supervisor import supervise
from storage.archive import open_archive
from storage.migrations import upgrade

if TYPE_CHECKING:
    from farlight.demo.seed import Demo

_DEFAULTS = {
    "HTTP_HOST": "127.0.0.1",
    "DICOM_HOST": "127.0.0.1",
    "DICOM_PROCESSES": "1",
    "QUIET_SECONDS": "5",
}
_WHAT = {
    "technician": "sends studies",
    "referring_doctor": "asks, and receives the report",
    "report_doctor": "reads and writes",
    "review_doctor": "reviews and signs",
    "expert": "is consulted",
    "dispatcher": "distributes the work",
    "institution_admin": "administers a hospital",
    "platform_admin": "runs the platform, sees no patient",
    "service": "is a program",
}


def demo() -> None:
    """Everything on this machine: made-up hospitals, people, studies. Ctrl-C ends it; the data are kept."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(PREFIX + name, value)
    settings = load_settings()
    logs.configure("demo")
    ready = _prepare(settings)
    stop = threading.Event()
    threading.Thread(target=_announce, args=(settings, ready, stop), daemon=True).start()
    supervise(stop, settings)


def _prepare(settings: Settings) -> Demo:
    from farlight.demo.seed import seed  # generators and their libraries, for this moment only

    archive = open_archive(settings.database, settings.blobs, settings.data, settings.s3_keys)
    upgrade(archive.database)
    try:
        with progress_bar(Console(stderr=True)) as progress:
            return seed(archive, settings.data, progress)
    finally:
        archive.close()


def _announce(settings: Settings, ready: Demo, stop: threading.Event) -> None:
    url = f"http://127.0.0.1:{settings.http_port}"
    while not stop.is_set():
        try:
            if httpx.get(f"{url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                break
        except httpx.HTTPError:
            time.sleep(0.2)
    print(f"\nFarlight 远影 is at {url}   Everybody's password: {ready.password}\n")
    print("Sign in as")
    print(*_people(ready), sep="\n")
    print("\nSend a study of your own, with DCMTK, as Kashi's hospital:")
    print(
        f"  storescu -v -aet KASHI_PACS -aec {settings.ae_title} +sd +r 127.0.0.1 {settings.dicom_port} FOLDER"
    )
    print("Be its PACS, and receive the signed reports:")
    print("  mkdir -p received && storescp -v -aet KASHI_PACS -od received 11113")
    print(f"\nData are in {settings.data.absolute()}. Ctrl-C ends the demonstration and keeps them.")
    sys.stdout.flush()


def _people(ready: Demo) -> list[str]:
    lines = []
    for person in ready.network.user:
        sites = ", ".join(dict.fromkeys(entry.site for entry in person.roles))
        what = ", ".join(_WHAT[entry.role.value] for entry in person.roles)
        lines.append(f"  {person.username:<14} {sites:<6} {person.name_zh or person.name}: {what}")
    return lines

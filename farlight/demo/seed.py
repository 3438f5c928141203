"""Filling an empty data folder with hospitals, people, an agreement, and studies worth looking at."""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from farlight.demo.studies import DemoStudy, demo_studies, pydicom_samples, write_study
from farlight.importing import find_items, import_items
from farlight.network import Network, apply_network, read_network
from storage.archive import Archive
from storage.declarations import keep_declarations
from storage.ingest import Sender

NETWORK_FILE = Path(__file__).parent / "network.toml"
_SAMPLES_SITE = "KASHI"


@dataclass(frozen=True)
class Demo:
    """What somebody needs to know to use the demonstration."""

    network: Network
    password: str


def seed(archive: Archive, data: Path, progress: Progress) -> Demo:
    """Set everything up, or find it set up; the data of a former start are kept."""
    state = data / "demo.json"
    known = json.loads(state.read_text()) if state.is_file() else {}
    password = known.get("password") or secrets.token_hex(5)
    network = read_network(NETWORK_FILE)
    apply_network(archive.database, network, {"DEMO_PASSWORD": password})
    keep_declarations(archive)
    _write_state(state, {"password": password, "seeded": known.get("seeded", False)})
    if not known.get("seeded"):
        _import_studies(archive, progress)
        _write_state(state, {"password": password, "seeded": True})
    return Demo(network, password)


def _write_state(state: Path, value: dict[str, object]) -> None:
    state.touch(mode=0o600)
    state.write_text(json.dumps(value))


def _import_studies(archive: Archive, progress: Progress) -> None:
    studies = demo_studies()
    task = progress.add_task("making studies", total=len(studies) + 1)
    with tempfile.TemporaryDirectory(dir=archive.incoming) as scratch:
        for study in studies:
            _import_study(archive, study, Path(scratch) / study.key)
            progress.advance(task)
        folder = Path(scratch) / "samples"
        folder.mkdir()
        pydicom_samples(folder)
        _import_folder(archive, folder, _SAMPLES_SITE)
        progress.advance(task)


def _import_study(archive: Archive, study: DemoStudy, folder: Path) -> None:
    folder.mkdir()
    write_study(study, folder)
    _import_folder(archive, folder, study.site)


def _import_folder(archive: Archive, folder: Path, site: str) -> None:
    sender = Sender(site, f"{site}_DEMO", charset="GB18030", issuer=site)
    import_items(archive, find_items([folder], archive.incoming), sender)

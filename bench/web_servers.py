"""The two DICOMweb servers that are compared: Farlight, all of it, and Orthanc with Debian's DICOMweb plugin.

Both hold the same studies before anything is measured. Ours come by the index's bulk way (`bench.seed_index`), as one
hospital's; Orthanc is sent one small instance of each by C-STORE, and its folder is kept for the next time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from sqlalchemy import select

from bench.seed_index import seed, site_code
from bench.series import scratch, send
from bench.servers import NAGLE_OFF, Server, cpu_s, family, farlight_environment, free_port, resident, running
from bench.web_load import Connection, Target
from storage.database import Database
from storage.tables import patient, study

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
_PLUGIN = "libOrthancDicomWeb.so"
SITE = site_code(0)
_NETWORK = f"""
[[site]]
code = "{SITE}"
name = "Bench"
level = "county"

[[node]]
site = "{SITE}"
ae_title = "*"
host = "127.0.0.1"

[[user]]
username = "bench"
name = "Bench"
password_env = "BENCH_PASSWORD"
roles = [{{ site = "{SITE}", role = "technician" }}]
"""
_PASSWORD = "only for figures"
_SENDERS = 4


@dataclass(frozen=True)
class WebServer:
    """A server that receives by C-STORE and answers DICOMweb."""

    dicom: Server
    target: Target
    environment: dict[str, str] = field(default_factory=dict)
    """The settings, for commands beside it."""

    def web_processes(self) -> list[int]:
        """The processes that answer HTTP."""
        processes = family(self.dicom.pid)
        return [pid for pid in processes if _is_web(pid)] or processes

    def web_resident_bytes(self) -> int:
        """Memory resident now in the largest of these."""
        return max((resident(pid) for pid in self.web_processes()), default=0)

    def web_cpu_s(self) -> float:
        """Processor seconds of these so far."""
        return sum(cpu_s(pid) for pid in self.web_processes())


def _is_web(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--role" in command and b"web" in command


@contextmanager
def farlight_web(folder: Path, studies: int) -> Iterator[WebServer]:
    """All roles over an index of so many studies, and a bearer token for somebody who may see them."""
    folder.mkdir(parents=True)
    (folder / "network.toml").write_text(_NETWORK)
    dicom_port, http_port = free_port(), free_port()
    environment = farlight_environment(
        folder, DICOM_PORT=str(dicom_port), HTTP_PORT=str(http_port), HTTP_HOST="127.0.0.1", QUIET_SECONDS="5"
    )
    environment["BENCH_PASSWORD"] = _PASSWORD
    (folder / "data").mkdir()
    database = Database(f"sqlite:///{folder / 'data' / 'farlight.db'}")
    seed(database, studies, sites=1)
    database.close()
    command(environment, "network", "apply", str(folder / "network.toml"))
    token = command(environment, "token", "create", "bench", "--name", "figures").strip()
    line = [sys.executable, "-m", "farlight", "serve"]
    with running("Farlight", line, dicom_port, environment, folder / "log") as server:
        target = Target(http_port, "/dicom-web", (("Authorization", f"Bearer {token}"),))
        _wait_for_answer(target)
        yield WebServer(server, target, environment)


def command(environment: dict[str, str], *arguments: str) -> str:
    """Runs `farlight` with these arguments; what it printed."""
    line = [sys.executable, "-m", "farlight", *arguments]
    return subprocess.run(line, env=environment, check=True, capture_output=True, text=True).stdout


@contextmanager
def orthanc_web(folder: Path, studies: int, kept: Path) -> Iterator[WebServer]:
    """Orthanc as Debian installs it, with the plugin, over the same studies; `kept` holds seeded folders."""
    seeded = kept / f"orthanc-{studies}"
    if not (seeded / "complete").exists():
        _seed_orthanc(seeded, studies)
    folder.mkdir(parents=True)
    # what is stored is never changed, so that its files may have two names; the index is changed, and copied
    subprocess.run(["cp", "-a", str(seeded / "index"), str(folder / "index")], check=True)
    subprocess.run(["cp", "-a", "-l", str(seeded / "storage"), str(folder / "storage")], check=True)
    with _orthanc(folder) as server:
        yield server


def _seed_orthanc(seeded: Path, studies: int) -> None:
    shutil.rmtree(seeded, ignore_errors=True)
    seeded.mkdir(parents=True)
    with scratch() as made, _orthanc(seeded) as server:
        folders = [made / str(number) for number in range(_SENDERS)]
        _write_studies(folders, studies)
        send(server.dicom, folders)
        _let_settle(server.dicom)
    (seeded / "complete").touch()


def _let_settle(server: Server) -> None:
    before = -1.0
    while (now := server.cpu_s()) - before > 0.1:
        before = now
        time.sleep(1)


@contextmanager
def _orthanc(folder: Path) -> Iterator[WebServer]:
    dicom_port, http_port = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "DicomAet": "FARLIGHT",
        "DicomAlwaysAllowStore": True,
        "KeepAlive": True,  # as in the file that Debian installs
        "TcpNoDelay": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [_plugin()],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    line = [shutil.which("Orthanc") or "Orthanc", str(folder / "orthanc.json")]
    with running("Orthanc", line, dicom_port, NAGLE_OFF, folder / "log") as server:
        target = Target(http_port, "/dicom-web")
        _wait_for_answer(target)
        yield WebServer(server, target)


def _plugin() -> str:
    for place in PLUGINS:
        if (found := Path(place) / _PLUGIN).exists():
            return str(found)
    raise SystemExit("Orthanc's DICOMweb plugin is not installed: apt-get install orthanc-dicomweb")


def _wait_for_answer(target: Target) -> None:
    for _ in range(300):
        try:
            connection = Connection(target)
        except OSError:
            time.sleep(0.1)
            continue
        connection.get("/studies?limit=1", "application/dicom+json")
        connection.close()
        return
    raise SystemExit("a server does not answer HTTP")


# -- what Orthanc is sent ---------------------------------------------------------------------------


def _write_studies(folders: list[Path], studies: int) -> None:
    """One small instance for each study that `seed` makes, with the same patient, date and numbers."""
    with scratch() as made:
        database = Database(f"sqlite:///{made / 'farlight.db'}")
        seed(database, studies, sites=1)
        with database.read() as connection:
            columns = (study, patient.c.patient_name, patient.c.patient_id, patient.c.patient_sex)
            query = select(*columns, patient.c.patient_birth_date).join(
                patient, patient.c.id == study.c.patient
            )
            rows = connection.execute(query).mappings().all()
        database.close()
    for folder in folders:
        folder.mkdir(parents=True)
    for number, row in enumerate(rows):
        instance = _instance(dict(row))
        instance.save_as(folders[number % len(folders)] / f"{number:06}.dcm", enforce_file_format=True)


def _instance(row: dict[str, str]) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = CTImageStorage, UID(f"{row['study_instance_uid']}.1.1")
    made.StudyInstanceUID, made.SeriesInstanceUID = (
        row["study_instance_uid"],
        f"{row['study_instance_uid']}.1",
    )
    made.StudyDate, made.StudyTime = row["study_date"], row["study_time"]
    made.AccessionNumber, made.StudyID = row["accession_number"], row["study_id"]
    made.StudyDescription, made.Modality = row["study_description"], row["modalities_in_study"]
    made.PatientName, made.PatientID = row["patient_name"], row["patient_id"]
    made.PatientBirthDate, made.PatientSex = row["patient_birth_date"], row["patient_sex"]
    made.SeriesNumber = made.InstanceNumber = 1
    made.Rows = made.Columns = 8
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.FrameOfReferenceUID = generate_uid(entropy_srcs=[row["study_instance_uid"]])
    made.PixelData = bytes(128)
    return made


def default_kept() -> Path:
    """Where seeded folders are kept unless said otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "farlight-bench"

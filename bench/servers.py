"""The servers that are compared, each started on a free port with durable storage of its own, Nagle off for all."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NETWORK = """
[[site]]
code = "BENCH"
name = "Bench"
level = "county"

[[node]]
site = "BENCH"
ae_title = "*"
host = "127.0.0.1"
"""

NAGLE_OFF = {**os.environ, "TCP_NODELAY": "1"}  # DCMTK's own switch; small packets would wait 40 ms each
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A DICOM server that receives on `port`."""

    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor seconds so far, with all that it started."""
        return sum(cpu_s(pid) for pid in family(self.pid))

    def resident_bytes(self) -> int:
        """Memory resident now, shared pages and mapped files included."""
        return sum(resident(pid) for pid in family(self.pid))


@contextmanager
def farlight(folder: Path, **settings: str) -> Iterator[Server]:
    """Farlight's node role; `settings` are those of `FARLIGHT_…`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = farlight_environment(folder, DICOM_PORT=str(port), **settings)
    (folder / "network.toml").write_text(NETWORK)
    for arguments in (("db", "upgrade"), ("network", "apply", str(folder / "network.toml"))):
        command = [sys.executable, "-m", "farlight", *arguments]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    command = [sys.executable, "-m", "farlight", "serve", "--role", "node"]
    with running("Farlight", command, port, environment, folder / "log") as server:
        yield server


def farlight_environment(folder: Path, **settings: str) -> dict[str, str]:
    """Settings for a Farlight of its own below `folder`."""
    given = {
        "DATA": str(folder / "data"),
        "DICOM_HOST": "127.0.0.1",
        "DICOM_ASSOCIATIONS_PER_SITE": "2000",
        **settings,
    }
    return {**os.environ, **{f"FARLIGHT_{key}": value for key, value in given.items()}}


@contextmanager
def storescp(folder: Path) -> Iterator[Server]:
    """DCMTK's storescp with a process for each association: it writes files, and neither indexes nor syncs."""
    received, port = folder / "received", free_port()
    received.mkdir(parents=True)
    program = shutil.which("storescp") or "storescp"
    command = [program, "--fork", "-od", str(received), str(port)]
    with running("DCMTK storescp", command, port, NAGLE_OFF, folder / "log") as server:
        yield server


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """Orthanc with its own index (SQLite) and folder, as installed, without plugins."""
    folder.mkdir(parents=True)
    port, config = free_port(), folder / "orthanc.json"
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomPort": port,
        "HttpPort": free_port(),
        "DicomAet": "FARLIGHT",
        "DicomAlwaysAllowStore": True,
        "Plugins": [],
    }
    config.write_text(json.dumps(settings))
    command = [shutil.which("Orthanc") or "Orthanc", str(config)]
    with running("Orthanc", command, port, NAGLE_OFF, folder / "log") as server:
        yield server


@contextmanager
def running(
    name: str, command: list[str], port: int, environment: dict[str, str], log: Path
) -> Iterator[Server]:
    """The command's process, once it listens on the port; ended with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_for(port, process, log)
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"a server did not start:\n{log.read_text()}")


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and those that it started and that are still there."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        found += [int(child) for child in children.read_text().split()] if children.exists() else []
    return found


def cpu_s(pid: int) -> float:
    """User and system time, and that of children that ended and were waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(fields[number]) for number in (11, 12, 13, 14)) / _TICKS


def resident(pid: int) -> int:
    """Bytes resident now, shared ones included; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0

"""Whom a power cut may hit: each process of ours, all of them, and the processes of the servers that we use."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pairs import Servers
from running import Program, wait_for

NODES = 2
ROLES = {"web": 1, "node": NODES, "worker": 1}
"""Processes of each role that the supervisor watches over."""


@dataclass
class Scene:
    """The program, the servers it uses if any, and chance."""

    program: Program
    servers: Servers | None
    chance: random.Random
    orphans: list[int] = field(default_factory=list)
    """Processes whose supervisor was killed: they must end by themselves."""

    def processes(self, role: str) -> list[int]:
        """Numbers of the role's processes."""
        return [number for number in self.program.children() if f"\0{role}\0" in _command(number)]

    def settled(self) -> None:
        """Wait until every process is there and listens, and both stores answer; nobody else is left."""
        wait_for("all processes", self._is_whole, 90)
        wait_for("the processes without a supervisor to end", lambda: not any(map(_command, self.orphans)))
        self.orphans.clear()

    def _is_whole(self) -> bool:
        if any(len(self.processes(role)) != number for role, number in ROLES.items()):
            return False
        return _is_listened_to(self.program.dicom_port) and self._is_ready()

    def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.program.url}/health/ready", timeout=20).is_success
        return False


@dataclass(frozen=True)
class Victim:
    """Who is killed, and how they come back: `mend` is nothing where that happens by itself."""

    kill: Callable[[Scene], None]
    mend: Callable[[Scene], None] = lambda _: None
    harms_storing: bool = True
    """Whether a C-STORE in mid-way may fail by it."""


def one_of(role: str) -> Callable[[Scene], None]:
    """One process of a role; the supervisor starts another."""
    return lambda scene: _kill([scene.chance.choice(scene.processes(role))])


def _kill(processes: list[int]) -> None:
    for number in processes:
        os.kill(number, signal.SIGKILL)


def _kill_supervisor(scene: Scene) -> None:
    scene.orphans += scene.program.children()
    assert scene.program.process is not None
    scene.program.process.kill()
    scene.program.process.wait()


def _start_program(scene: Scene) -> None:
    scene.program.start()


def _of(scene: Scene) -> Servers:
    assert scene.servers is not None
    return scene.servers


def _kill_backend(scene: Scene) -> None:
    _kill([scene.chance.choice(_of(scene).postgres.backends("test_"))])


def _start_s3(scene: Scene) -> None:
    _of(scene).s3.start()


def _start_postgres(scene: Scene) -> None:
    _of(scene).postgres.start()


OURS: Mapping[str, Victim] = {
    "one node process of two": Victim(one_of("node")),
    "both node processes": Victim(lambda scene: _kill(scene.processes("node"))),
    "worker": Victim(one_of("worker"), harms_storing=False),
    "web": Victim(one_of("web"), harms_storing=False),
    "supervisor": Victim(_kill_supervisor, _start_program),
    "all of it": Victim(lambda scene: scene.program.kill(), _start_program),
}

OF_SERVERS: Mapping[str, Victim] = {
    "PostgreSQL": Victim(lambda scene: _of(scene).postgres.kill(), _start_postgres),
    "a backend of PostgreSQL": Victim(_kill_backend),
    "S3 gateway": Victim(lambda scene: _of(scene).s3.kill_gateway(), _start_s3),
    "S3 object daemon": Victim(lambda scene: _of(scene).s3.kill_osd(), _start_s3),
}


def _command(process: int) -> str:
    """Its command line, empty when it has ended; between its parts stand zeros."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _is_listened_to(port: int) -> bool:
    """Whether anybody listens on a port; several processes may share one socket."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)

"""One process per role, watched: started, restarted when one dies, drained when the service ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

import structlog

from dicom_node.listening import listen
from farlight.settings import Settings
from storage.errors import Unavailable

log = structlog.get_logger(__name__)

DRAIN_S = 20
"""How long a process may take to finish what it has begun."""


class Role(StrEnum):
    """One process each; ALL is the process that watches over the three."""

    ALL = "all"
    WEB = "web"
    NODE = "node"
    WORKER = "worker"


ROLES = (Role.WEB, Role.NODE, Role.WORKER)
PARENT_PIPE = "_FARLIGHT_PARENT_FD"
"""Names the descriptor that closes when the supervisor dies, so that no process outlives it."""
LISTENING = "_FARLIGHT_LISTENING_FDS"
"""Names the descriptors of the sockets on which a web process or a node accepts."""
_MEMORY = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps a heap for each of dozens of threads, and what one gave back is of no use to another."""
_HEALTHY_AFTER_S = 10.0
_LONGEST_WAIT_S = 10.0


@dataclass(frozen=True)
class _Inherited:
    """Descriptors that children get: the pipe that tells them of our end, and the sockets of each role."""

    pipe: int
    sockets: dict[Role, tuple[int, ...]]


@dataclass
class _Child:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)


def supervise(stop: threading.Event, settings: Settings, roles: Sequence[Role] = ROLES) -> None:
    """Run these roles, web and node in as many processes as is set, until SIGTERM or SIGINT; returns when all have
    ended.

    Their sockets are opened here and shared by them: while one is restarted no caller is refused. Raises
    `Unavailable` if a port cannot be had.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sockets = {role: _listen(role, settings, stop) for role in roles}
    read_end, write_end = os.pipe()
    inherited = _Inherited(
        read_end, {role: tuple(one.fileno() for one in opened) for role, opened in sockets.items()}
    )
    children = [_Child(role) for role in roles for _ in range(processes(role, settings))]
    try:
        while not stop.is_set():
            for child in children:
                _see_to(child, inherited)
            stop.wait(0.2)
    finally:
        _end(children)
        for one in chain.from_iterable(sockets.values()):
            one.close()
        os.close(write_end)
        os.close(read_end)


def _listen(role: Role, settings: Settings, stop: threading.Event) -> list[socket.socket]:
    if role is Role.WEB:
        return [_listen_on(settings.http_host, settings.http_port, stop)]
    if role is Role.NODE:
        ports = (settings.dicom_port, settings.dicom_tls_port)
        return [_listen_on(settings.dicom_host, port, stop) for port in ports if port is not None]
    return []


def _listen_on(host: str, port: int, stop: threading.Event) -> socket.socket:
    """Waits for processes whose supervisor was killed: they hold the port until they have finished."""
    deadline = time.monotonic() + DRAIN_S + 2
    while True:
        try:
            return listen(host, port)
        except Unavailable as why:
            if time.monotonic() > deadline or stop.is_set():
                raise
            log.warning("waiting", why=why.message)
            stop.wait(1)


def processes(role: Role, settings: Settings) -> int:
    """How many processes a role has."""
    return {Role.NODE: settings.dicom_processes, Role.WEB: settings.web_processes}.get(role, 1)


def watch_parent(stop: threading.Event) -> bool:
    """In a child: set `stop` when the supervisor is gone. Tells whether this is a child."""
    descriptor = os.environ.pop(PARENT_PIPE, "")
    if descriptor:
        threading.Thread(target=_wait_for_end, args=(int(descriptor), stop), daemon=True).start()
    return bool(descriptor)


def inherited_sockets() -> tuple[socket.socket, ...]:
    """In a child: the sockets that the supervisor opened for it."""
    descriptors = os.environ.pop(LISTENING, "")
    return tuple(socket.socket(fileno=int(descriptor)) for descriptor in descriptors.split())


def _wait_for_end(descriptor: int, stop: threading.Event) -> None:
    os.read(descriptor, 1)  # nobody writes: it returns when the other end closes
    stop.set()
    time.sleep(DRAIN_S)
    os._exit(1)


def _see_to(child: _Child, inherited: _Inherited) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.restart_at:
            _start(child, inherited, now)
        return
    code = child.process.poll()
    if code is None:
        return
    child.failures = 0 if now - child.started_at > _HEALTHY_AFTER_S else child.failures + 1
    wait = min(_LONGEST_WAIT_S, 0.5 * 2**child.failures)
    log.error("process ended", process=child.role.value, code=code, restart_in_s=wait)
    child.process, child.restart_at = None, now + wait


def _start(child: _Child, inherited: _Inherited, now: float) -> None:
    command = [sys.executable, "-m", "farlight", "serve", "--role", child.role.value]
    sockets = inherited.sockets[child.role]
    environment = {
        **_MEMORY,
        **os.environ,
        PARENT_PIPE: str(inherited.pipe),
        LISTENING: " ".join(map(str, sockets)),
    }
    # a session of its own: Ctrl-C reaches the supervisor alone, which then ends the others in order
    child.process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=environment, pass_fds=(inherited.pipe, *sockets), start_new_session=True
    )
    child.started_at = now


def _end(children: list[_Child]) -> None:
    living = [child.process for child in children if child.process and child.process.poll() is None]
    for process in living:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + DRAIN_S + 5
    for process in living:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process did not end and is killed", pid=process.pid)
            process.kill()
            process.wait()

"""One process per role, watched: started, restarted when one dies, drained when the service ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

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
_HEALTHY_AFTER_S = 10.0
_LONGEST_WAIT_S = 10.0


@dataclass
class _Child:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)


def supervise(stop: threading.Event, node_processes: int = 1) -> None:
    """Run all roles, the node in so many processes, until SIGTERM or SIGINT; returns when every one has ended."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    children = [_Child(role) for role in ROLES for _ in range(node_processes if role is Role.NODE else 1)]
    try:
        while not stop.is_set():
            for child in children:
                _see_to(child, read_end)
            stop.wait(0.2)
    finally:
        _end(children)
        os.close(write_end)
        os.close(read_end)


def watch_parent(stop: threading.Event) -> None:
    """In a child: set `stop` when the supervisor is gone."""
    descriptor = os.environ.pop(PARENT_PIPE, "")
    if descriptor:
        threading.Thread(target=_wait_for_end, args=(int(descriptor), stop), daemon=True).start()


def _wait_for_end(descriptor: int, stop: threading.Event) -> None:
    os.read(descriptor, 1)  # nobody writes: it returns when the other end closes
    stop.set()
    time.sleep(DRAIN_S)
    os._exit(1)


def _see_to(child: _Child, read_end: int) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.restart_at:
            _start(child, read_end, now)
        return
    code = child.process.poll()
    if code is None:
        return
    child.failures = 0 if now - child.started_at > _HEALTHY_AFTER_S else child.failures + 1
    wait = min(_LONGEST_WAIT_S, 0.5 * 2**child.failures)
    log.error("process ended", process=child.role.value, code=code, restart_in_s=wait)
    child.process, child.restart_at = None, now + wait


def _start(child: _Child, read_end: int, now: float) -> None:
    command = [sys.executable, "-m", "farlight", "serve", "--role", child.role.value]
    environment = {**os.environ, PARENT_PIPE: str(read_end)}
    # a session of its own: Ctrl-C reaches the supervisor alone, which then ends the others in order
    child.process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=environment, pass_fds=(read_end,), start_new_session=True
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

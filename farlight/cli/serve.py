"""`farlight serve`."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from farlight import logs
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from farlight.supervisor import ROLES, Role, processes, supervise, watch_parent


def serve(
    role: Annotated[
        Role, typer.Option(help="`all` starts one process per role and watches them.")
    ] = Role.ALL,
) -> None:
    """Run the service until SIGTERM or Ctrl-C, which drain it."""
    stop = threading.Event()
    is_child = watch_parent(stop)
    logs.configure(role.value)
    settings = load_settings()
    if role is Role.ALL or (processes(role, settings) > 1 and not is_child):
        open_current_archive(settings).close()  # say what is wrong once, before every process does
        supervise(stop, settings, ROLES if role is Role.ALL else (role,))
        return
    from farlight.roles import run  # the three wires' libraries, which the watching process does without

    run(role, settings, stop)

"""`farlight serve`."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from farlight import logs
from farlight.opening import open_current_archive
from farlight.settings import load_settings
from farlight.supervisor import Role, supervise, watch_parent


def serve(
    role: Annotated[
        Role, typer.Option(help="`all` starts one process per role and watches them.")
    ] = Role.ALL,
) -> None:
    """Run the service until SIGTERM or Ctrl-C, which drain it."""
    stop = threading.Event()
    watch_parent(stop)
    logs.configure(role.value)
    settings = load_settings()
    if role is Role.ALL:
        open_current_archive(settings).close()  # say what is wrong once, before three processes do
        supervise(stop, settings.dicom_processes)
        return
    from farlight.roles import run  # the three wires' libraries, which the watching process does without

    run(role, settings, stop)

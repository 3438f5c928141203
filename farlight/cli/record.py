"""What is done on the command line goes into the same record as everything else."""

from __future__ import annotations

import getpass

from sqlalchemy import Connection

from storage import audit


def note(connection: Connection, action: str, object_id: str) -> None:
    """Write an act of whoever runs the command."""
    audit.append(connection, audit.Act(action, "account", object_id, actor=operator()))


def operator() -> str:
    """Who runs the command."""
    return f"command line: {getpass.getuser()}"[:64]

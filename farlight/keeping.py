"""What the worker does for the archive beside its work: declarations kept, unnamed blobs seen to, remains cleared, old
requests for storage commitment forgotten."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import structlog

from storage.archive import Archive
from storage.commitment_board import forget_old
from storage.declarations import keep_declarations
from storage.errors import Error
from storage.sweep import clear_incoming, sweep

log = structlog.get_logger(__name__)

EVERY_S = 6 * 3600
AGAIN_S = 60
"""Seconds to the next attempt where a store was away."""


def start_keeping(archive: Archive, stop: threading.Event) -> threading.Thread:
    """Begin now, and go on every six hours until `stop` is set; the caller joins the thread."""
    thread = threading.Thread(target=_run, args=(archive, stop), name="keeping")
    thread.start()
    return thread


def _run(archive: Archive, stop: threading.Event) -> None:
    while not stop.is_set():
        stop.wait(EVERY_S if _keep(archive, stop) else AGAIN_S)


def _keep(archive: Archive, stop: threading.Event) -> bool:
    try:
        keep_declarations(archive)
        archive.blobs.clear_aside()
        clear_incoming(archive.incoming)
        forget_old(archive.database, datetime.now(UTC))
        sweep(archive, stopped=stop.is_set)
    except Error as why:
        log.warning("keeping waits", why=why.message, kind=type(why).__name__)
        return False
    except Exception:
        log.exception("bug")
        return False
    return True

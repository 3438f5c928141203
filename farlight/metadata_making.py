"""The worker's thread that makes the metadata of series at rest, when the processor has nothing better to do."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import structlog

from storage.archive import Archive
from storage.errors import Error
from storage.metadata_keeper import MetadataKeeper

log = structlog.get_logger(__name__)

EVERY_S = 0.5
_NICE = 10


def start_making_metadata(archive: Archive, stop: threading.Event) -> threading.Thread:
    """Begin now, and go on until `stop` is set; the caller joins the thread."""
    thread = threading.Thread(target=_run, args=(archive, stop), name="metadata")
    thread.start()
    return thread


def _run(archive: Archive, stop: threading.Event) -> None:
    with suppress(OSError):  # only on Linux has a thread a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    keeper = MetadataKeeper(archive)
    while not stop.is_set():
        stop.wait(0 if _step(keeper) else EVERY_S)


def _step(keeper: MetadataKeeper) -> int:
    try:
        return keeper.run_once()
    except Error as why:
        log.warning("metadata wait", why=why.message, kind=type(why).__name__)
    except Exception:
        log.exception("bug")
    return 0

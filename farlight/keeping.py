"""What the worker does for the archive beside its work: declarations kept, unnamed blobs seen to, remains cleared, old
requests for storage commitment forgotten, quiet series packed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import structlog

from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.commitment_board import forget_old
from storage.declarations import keep_declarations
from storage.errors import Error
from storage.packing import pack_quiet
from storage.repacking import Pace, Steady
from storage.sweep import clear_incoming, sweep

log = structlog.get_logger(__name__)

EVERY_S = 6 * 3600
AGAIN_S = 60
"""Seconds to the next attempt where a store was away, and to the next look for series that went quiet."""
AFTER_HOURS = 6
"""In a bucket: a study is seldom read further after its first hours, and all of its images have come."""


def start_keeping(archive: Archive, stop: threading.Event) -> threading.Thread:
    """Begin now, and go on every six hours until `stop` is set; the caller joins the thread."""
    thread = threading.Thread(target=_run, args=(archive, stop), name="keeping")
    thread.start()
    return thread


def start_packing(
    archive: Archive, after_hours: float | str, megabytes_per_s: float, stop: threading.Event
) -> list[threading.Thread]:
    """Begin to pack what has been quiet for so many hours, and go on until `stop` is set; no thread if it is off.

    ``auto`` is the setting's default: in a bucket each object costs a request, in a folder a slice of its own is well.
    """
    if after_hours == "auto":
        after_hours = "off" if isinstance(archive.blobs, FolderBlobs) else AFTER_HOURS
    if isinstance(after_hours, str):
        return []
    quiet, pace = timedelta(hours=after_hours), Steady(megabytes_per_s * 1e6)
    thread = threading.Thread(target=_pack, args=(archive, quiet, pace, stop), name="packing")
    thread.start()
    return [thread]


def _pack(archive: Archive, quiet: timedelta, pace: Pace, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            pack_quiet(archive, quiet, pace=pace, stopped=stop.is_set)
        except Error as why:
            log.warning("packing waits", why=why.message, kind=type(why).__name__)
        except Exception:
            log.exception("bug")
        stop.wait(AGAIN_S)


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

"""What one process does: web, node or worker. Each runs until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn

from dicom_node.node import DicomNode, NodeConfig
from dicom_node.send import drain_once
from farlight.opening import open_current_archive
from farlight.settings import Settings
from farlight.supervisor import DRAIN_S, Role
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.errors import Error
from viewer_api.app import create_app
from worklist import arrivals

log = structlog.get_logger(__name__)

TICK_S = 0.5


def run(role: Role, settings: Settings, stop: threading.Event) -> None:
    """Run `role` until `stop` is set or the process is told to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    archive = open_current_archive(settings)
    if isinstance(archive.blobs, FolderBlobs):
        archive.blobs.clear_aside()
    archive.blobs.check()
    try:
        _RUNNERS[role](archive, settings, stop)
    finally:
        archive.close()
    log.info("stopped")


def _run_web(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    config = uvicorn.Config(
        create_app(archive),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,  # addresses hold what people searched for
        timeout_graceful_shutdown=DRAIN_S,
        server_header=False,
    )
    server = _Server(config)
    threading.Thread(target=_end_when, args=(stop, server), daemon=True).start()
    log.info("listening", http=f"{settings.http_host}:{settings.http_port}")
    server.run()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: streams are told to end before connections are waited for."""
        yield


def _end_when(stop: threading.Event, server: uvicorn.Server) -> None:
    stop.wait()
    server.config.app.state.live.stop()  # type: ignore[union-attr]  # our own application
    server.should_exit = True


def _run_node(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    config = NodeConfig(archive, settings.ae_title, settings.dicom_port, settings.dicom_host)
    node = DicomNode(config)
    node.start()
    log.info("listening", dicom=f"{settings.ae_title}@{settings.dicom_host}:{settings.dicom_port}")
    try:
        _repeat(stop, lambda: drain_once(archive, settings.ae_title, settings.retry_seconds))
    finally:
        node.stop(DRAIN_S)


def _run_worker(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    log.info("working", quiet_seconds=settings.quiet_seconds)
    _repeat(stop, lambda: arrivals.run_once(archive, settings.quiet_seconds))


def _repeat(stop: threading.Event, step: Callable[[], int]) -> None:
    """Step again at once while there is work, else wait a little; a part that is away is waited for."""
    while not stop.is_set():
        done = 0
        try:
            done = step()
        except Error as why:
            log.warning("waiting", why=why.message, kind=type(why).__name__)
        except Exception:
            log.exception("bug")
        with suppress(KeyboardInterrupt):
            stop.wait(0 if done else TICK_S)


_RUNNERS = {Role.WEB: _run_web, Role.NODE: _run_node, Role.WORKER: _run_worker}

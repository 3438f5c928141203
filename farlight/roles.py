"""What one process does: web, node or worker. Each runs until it is told to stop."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
import uvicorn

from dicom_node.asking import Asker
from dicom_node.commitment import Reporting
from dicom_node.listening import listen
from dicom_node.node import DicomNode, Limits, NodeConfig
from dicom_node.send import Outbox
from dicom_node.tls import Clients, Tls
from dicom_node.tls import use as use_tls
from farlight.keeping import start_keeping, start_packing
from farlight.metadata_making import start_making_metadata
from farlight.opening import open_current_archive
from farlight.settings import Settings
from farlight.supervisor import DRAIN_S, Role, inherited_sockets
from farlight.web_server import WebServer
from storage.archive import Archive
from storage.errors import Error, Invalid
from storage.links import AssociationSummary, record_association, report_open
from storage.questions import plan
from viewer_api.app import WebConfig, create_app
from viewer_api.http_protocol import HttpProtocol
from worklist import arrivals

log = structlog.get_logger(__name__)

TICK_S = 0.5
_SWITCH_S = 0.001
"""A thread that reads a little gives Python up and waits to have it back: with Python's own 5 ms that was most of the
time of answering with a frame, while others make pictures."""
OPEN_EVERY_S = 5.0
ASK_AFTER = 0.8
"""Of the quiet time: a sender's count is known when the study goes quiet, or its request opens as if none lacked."""


def run(role: Role, settings: Settings, stop: threading.Event) -> None:
    """Run `role` until `stop` is set or the process is told to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _collect_garbage_rarely()
    archive = open_current_archive(settings)
    archive.blobs.check()
    try:
        _RUNNERS[role](archive, settings, stop)
    finally:
        archive.close()
    log.info("stopped")


def _collect_garbage_rarely() -> None:
    """What is loaded by now stays for good and need not be looked through again and again; what comes and goes with
    requests is freed by its reference counts, and cycles among it are few. Python's defaults cost a tenth of the
    receiving."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _run_web(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    sys.setswitchinterval(_SWITCH_S)
    config = uvicorn.Config(
        create_app(
            archive, WebConfig(origins=settings.origins, volume_bytes=settings.volume_memory_mb << 20)
        ),
        http=HttpProtocol,
        log_config=None,
        access_log=False,  # addresses hold what people searched for
        timeout_graceful_shutdown=DRAIN_S,
        server_header=False,
    )
    inherited = inherited_sockets()
    server = WebServer(config, inherited[0] if inherited else listen(settings.http_host, settings.http_port))
    threading.Thread(target=_end_when, args=(stop, server), daemon=True).start()
    log.info("listening", http=f"{settings.http_host}:{settings.http_port}")
    server.run()


def _end_when(stop: threading.Event, server: uvicorn.Server) -> None:
    stop.wait()
    server.config.app.state.live.stop()  # type: ignore[union-attr]  # our own application
    server.should_exit = True


def _run_node(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    tls = _tls(settings)
    use_tls(tls)
    node = DicomNode(_node_config(archive, settings, tls))
    node.start()
    log.info("listening", dicom=f"{settings.ae_title}@{settings.dicom_host}:{settings.dicom_port}")
    outbox = Outbox(archive, settings.ae_title, settings.retry_seconds)
    reporting = Reporting(archive, settings.ae_title)
    asker = Asker(archive, settings.ae_title, settings.quiet_seconds * ASK_AFTER)
    # each goes on by itself: a node that hangs while it is called holds up neither the others nor our own end
    calls = (outbox.send_due, reporting.report_due, asker.ask_due)
    threads = [
        threading.Thread(target=_tell_open_associations, args=(archive, node, stop), daemon=True),
        *(threading.Thread(target=_repeat, args=(stop, call), daemon=True) for call in calls),
    ]
    for thread in threads:
        thread.start()
    try:
        with suppress(KeyboardInterrupt):
            stop.wait()
    finally:
        stop.set()
        node.stop(DRAIN_S)
        for thread in threads:
            thread.join(1)
        outbox.wait(1)
        reporting.wait(1)


def _node_config(archive: Archive, settings: Settings, tls: Tls | None) -> NodeConfig:
    return NodeConfig(
        archive,
        settings.ae_title,
        settings.dicom_port,
        settings.dicom_host,
        limits=Limits(settings.dicom_associations, settings.dicom_associations_per_site),
        tls=tls,
        tls_port=settings.dicom_tls_port,
        listening=inherited_sockets(),
        on_end=lambda summary: _note_association(archive, summary),
    )


def _tls(settings: Settings) -> Tls | None:
    """What TLS needs. Raises `Invalid` where the port is set and the certificate is not."""
    certificate, key = settings.dicom_tls_certificate, settings.dicom_tls_key
    if certificate is None or key is None:
        if settings.dicom_tls_port is not None:
            raise Invalid(
                "FARLIGHT_DICOM_TLS_PORT needs FARLIGHT_DICOM_TLS_CERTIFICATE and FARLIGHT_DICOM_TLS_KEY"
            )
        return None
    return Tls(certificate, key, settings.dicom_tls_authorities, Clients(settings.dicom_tls_clients))


def _note_association(archive: Archive, summary: AssociationSummary) -> None:
    """The board of links is a help, not a duty: what cannot be written is logged."""
    try:
        with archive.database.write() as connection:
            record_association(archive.database, connection, summary)
            plan(
                archive.database,
                connection,
                site=summary.site,
                ae_title=summary.ae_title,
                studies=summary.studies,
                at=summary.ended_at,
            )
    except Error as why:
        log.warning("association not noted", why=why.message)
    except Exception:
        log.exception("association not noted")


def _tell_open_associations(archive: Archive, node: DicomNode, stop: threading.Event) -> None:
    """Every few seconds, so that the board shows what is open; nothing is written while nothing is."""
    process, told = f"{socket.gethostname()}:{os.getpid()}", False
    while not stop.wait(OPEN_EVERY_S):
        associations = node.open_associations()
        if associations or told:
            try:
                with archive.database.write() as connection:
                    report_open(connection, process=process, associations=associations, at=datetime.now(UTC))
                told = bool(associations)
            except Error as why:
                log.warning("open associations not noted", why=why.message)
            except Exception:
                log.exception("bug")


def _run_worker(archive: Archive, settings: Settings, stop: threading.Event) -> None:
    log.info("working", quiet_seconds=settings.quiet_seconds)
    threads = [
        start_keeping(archive, stop),
        start_making_metadata(archive, stop),
        *start_packing(archive, settings.pack_after_hours, settings.pack_megabytes_per_second, stop),
    ]
    try:
        _repeat(stop, lambda: arrivals.run_once(archive, settings.quiet_seconds))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


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

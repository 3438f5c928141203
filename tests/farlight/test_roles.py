"""What a role does when it is told to end, whatever it is doing for others."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from farlight.roles import _run_node
from farlight.settings import Settings
from storage.archive import Archive
from storage.commitments import Reference, ask
from storage.sites import Node, put_node


def test_a_node_that_hangs_while_it_is_called_does_not_keep_ours_open(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        with archive.database.write() as connection:
            put_node(
                archive.database, connection, Node("KASHI", "HANGS", "127.0.0.1", hanging.getsockname()[1])
            )
        asked = [Reference("1.2.840.10008.5.1.4.1.1.2", "1.2.3")]
        ask(archive.database, site="KASHI", ae_title="HANGS", transaction_uid="1.2.3.4", references=asked)
        settings = Settings(data=tmp_path, dicom_host="127.0.0.1", dicom_port=port)
        stop = threading.Event()
        running = threading.Thread(target=_run_node, args=(archive, settings, stop), daemon=True)
        running.start()
        hanging.settimeout(20)
        called, _ = hanging.accept()  # and nothing is said
        began = time.monotonic()
        stop.set()
        while _listens(port) and time.monotonic() - began < 10:
            time.sleep(0.1)
        listened = time.monotonic() - began
        called.close()
        running.join(30)
    assert listened < 5
    assert not running.is_alive()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True

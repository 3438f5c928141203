"""Several processes answer on one HTTP port, and none of them is missed for long."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import PASSWORD, Program, wait_for

CONNECTIONS = 24


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("processes")
    running = Program(folder, FARLIGHT_WEB_PROCESSES="2").prepare().start()
    yield running
    running.kill()


def web_processes(program: Program) -> list[int]:
    return [
        pid for pid in program.children() if b"web" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    ]


def answering(program: Program) -> set[int]:
    """Processes that hold one of several connections opened now."""
    opened = [http.client.HTTPConnection("127.0.0.1", program.http_port, timeout=20) for _ in range(8)]
    assert all(asked(connection) for connection in opened)
    found = {pid for pid in web_processes(program) if holds_connection(pid, program.http_port)}
    for connection in opened:
        connection.close()
    return found


def holds_connection(pid: int, port: int) -> bool:
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(
        row[1].endswith(f":{port:04X}") and row[3] == "01" and f"socket:[{row[9]}]" in sockets for row in rows
    )


def asked(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    return answer.status == httpx.codes.OK


def test_both_take_connections_and_one_goes_on_alone(program: Program) -> None:
    wait_for("both processes to answer", lambda: len(answering(program)) == 2)
    opened = [
        http.client.HTTPConnection("127.0.0.1", program.http_port, timeout=20) for _ in range(CONNECTIONS)
    ]
    for connection in opened:
        connection.connect()
        connection.auto_open = 0
    assert all(asked(connection) for connection in opened)

    first, second = web_processes(program)
    os.kill(first, signal.SIGKILL)
    left = sum(asked(connection) for connection in opened)
    assert 0 < left < CONNECTIONS, "each had some of them"
    assert all(httpx.get(f"{program.url}/health/ready").status_code == httpx.codes.OK for _ in range(10))
    wait_for("another in its place", lambda: len(web_processes(program)) == 2)
    assert second in web_processes(program)
    for connection in opened:
        connection.close()


def test_whoever_signed_out_at_one_has_signed_out_at_the_other(program: Program) -> None:
    signed_in = httpx.post(f"{program.url}/api/session", json={"username": "reader", "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
    opened = [httpx.Client(base_url=program.url, headers=bearer) for _ in range(8)]
    assert {client.get("/dicom-web/studies").status_code for client in opened} <= {200, 204}
    assert opened[0].delete("/api/session").is_success
    assert {client.get("/dicom-web/studies").status_code for client in opened} == {401}
    for client in opened:
        client.close()


def test_they_end_in_order(program: Program) -> None:
    assert program.stop() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(program.url)

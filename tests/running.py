"""The program as tests meet it: real processes, real ports, a data folder of its own; and the tools that call it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from place import Place, embedded_place

PASSWORD = "a-password-for-tests"
NETWORK = Path(__file__).parent / "network.toml"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tool(name: str) -> str:
    """The path of a program that the tests need; missing is a failure, never a skip."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: run scripts/system-packages"
    return found


def wait_for(what: str, probe: Callable[[], Any], timeout_s: float = 30.0, every_s: float = 0.1) -> Any:
    """Ask until the answer is true, or fail naming `what`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")


class Program:
    """`farlight serve` over a place, its own folder unless told otherwise. Start, kill, and start again as often as
    wanted."""

    def __init__(self, folder: Path, place: Place | None = None, **settings: str) -> None:
        self.folder = folder
        self.place = place or embedded_place(folder / "data")
        self.pacs_port = free_port()
        self.http_port, self.dicom_port = free_port(), free_port()
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("FARLIGHT_")},
            **self.place.environment,
            "FARLIGHT_HTTP_HOST": "127.0.0.1",
            "FARLIGHT_HTTP_PORT": str(self.http_port),
            "FARLIGHT_DICOM_HOST": "127.0.0.1",
            "FARLIGHT_DICOM_PORT": str(self.dicom_port),
            "FARLIGHT_DICOM_PROCESSES": "1",
            "FARLIGHT_WEB_PROCESSES": "1",
            "FARLIGHT_QUIET_SECONDS": "1",
            "FARLIGHT_RETRY_SECONDS": "0.5",
            "TEST_PASSWORD": PASSWORD,
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.node_only = False
        self.clients: list[Client] = []
        self.log = folder / "program.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def farlight(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a sub-command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "farlight", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def prepare(self) -> Program:
        """Schema and network."""
        network = self.folder / "network.toml"
        network.write_text(NETWORK.read_text().replace("PACS_PORT", str(self.pacs_port)))
        self.farlight("db", "upgrade")
        self.farlight("network", "apply", str(network))
        return self

    def start(self, *arguments: str, within_s: float = 60) -> Program:
        """Start and wait until both wires answer, or the DICOM node alone if it alone is started."""
        self.node_only = "node" in arguments
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "farlight", *(arguments or ("serve",))],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for("the program to answer", self._answers, within_s)
        except AssertionError:
            self.kill()
            raise AssertionError(f"it did not start: {self.log.read_text()[-3000:]}") from None
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the program ended"
        try:
            with socket.create_connection(("127.0.0.1", self.dicom_port), timeout=2):
                pass
            if self.node_only:
                return True
            return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == httpx.codes.OK
        except (OSError, httpx.HTTPError):
            return False

    def children(self) -> list[int]:
        """Process numbers of the role processes."""
        assert self.process is not None
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(line) for line in found.stdout.split()]

    def kill(self) -> None:
        """SIGKILL to all of it at once, as a power cut would."""
        while self.clients:
            self.clients.pop().close()
        if self.process is None:
            return
        for number in (*self.children(), self.process.pid):
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        while self.clients:
            self.clients.pop().close()
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(60)
        self.process = None
        return code

    def client(self, username: str) -> Client:
        """An HTTP client that is signed in."""
        client = Client(self.url)
        self.clients.append(client)
        client.sign_in(username)
        return client

    def dcmtk(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a DCMTK client against our node; it is called KASHI_PACS unless `-aet` says otherwise."""
        named = () if "-aet" in arguments else ("-aet", "KASHI_PACS")
        command = [tool(name), *named, "-aec", "FARLIGHT", "127.0.0.1", str(self.dicom_port), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, errors="replace")
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


class Client(httpx.Client):
    """A person at a keyboard, or a script."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=60)

    def sign_in(self, username: str, password: str = PASSWORD) -> dict[str, Any]:
        answer = self.post("/api/session", json={"username": username, "password": password})
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def command(self, request_id: int, command: str, **body: Any) -> httpx.Response:
        return self.post(f"/api/requests/{request_id}/{command}", json=body)

    def ok(self, request_id: int, command: str, **body: Any) -> dict[str, Any]:
        """A command that must succeed."""
        answer = self.command(request_id, command, **body)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    def save(self, request_id: int, token: str, version: int, **content: Any) -> int:
        """Save a draft and return its version."""
        body = {"token": token, "version": version, "content": content}
        answer = self.put(f"/api/requests/{request_id}/draft", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        return int(answer.json()["version"])

    def queue(self) -> list[dict[str, Any]]:
        return self.get("/api/requests", params={"view": "queue"}).json()["items"]


class Pacs:
    """DCMTK's storescp standing for a hospital's PACS: keeps what it receives, one file an instance."""

    def __init__(self, folder: Path, port: int, *arguments: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            tool("storescp"),
            "-v",
            "-aet",
            "KASHI_PACS",
            "+uf",
            "-od",
            str(folder),
            *arguments,
            str(port),
        ]
        self.log = folder.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("storescp to listen", lambda: _listens(port))

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def received(self) -> int:
        """How many C-STORE requests came, repeats included."""
        return self.log.read_text(errors="replace").count("Received Store Request")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False

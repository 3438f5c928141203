"""A real S3 server for tests: Ceph's RADOS gateway on loopback, everything of it below one folder."""

from __future__ import annotations

import atexit
import http
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from running import free_port, tool, wait_for

REGION = "us-east-1"
KMS_KEY = "a-key-of-the-hospital"
ACCESS_KEY = "testaccess"
SECRET_KEY = "testsecret123"

START_TIMEOUT_S = 90.0

CONFIGURATION = Path(__file__).with_name("ceph.conf")

_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="s3-starter")
"""Starts every daemon. The kernel kills a daemon when the *thread* that started it ends, so the threads of tests
must not: this one ends with the interpreter, however that ends."""


class S3Server:
    """Monitor, object daemon and gateway. A context manager; `start` brings back whatever part was killed.

    With ``memory=True`` objects lie in memory: up sooner, and lost when the object daemon is killed (not when the
    gateway alone is). Otherwise they lie on disk and survive `kill`. The port stays the same throughout.
    """

    def __init__(self, folder: Path, *, memory: bool = True) -> None:
        self.folder = folder.absolute()
        self.memory = memory
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._configuration = self.folder / "ceph.conf"
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        self._osd_log = self.folder / "log" / "osd.0.log"
        self._identity = self._load_identity()
        self.port, self.tls_port = int(self._identity["port"]), int(self._identity["tls_port"])
        self.certificate = self.folder / "tls.pem"

    def __enter__(self) -> S3Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def endpoint(self) -> str:
        """Address of the gateway, without bucket."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, bucket: str, prefix: str = "") -> str:
        """A value for FARLIGHT_BLOBS_URL; the bucket is made by whoever opens it."""
        path = f"{bucket}/{prefix}" if prefix else bucket
        return f"s3://{path}?endpoint={self.endpoint}&region={REGION}"

    @property
    def environment(self) -> dict[str, str]:
        """The keys, as settings of Farlight."""
        return {"FARLIGHT_S3_ACCESS_KEY": ACCESS_KEY, "FARLIGHT_S3_SECRET_KEY": SECRET_KEY}

    def start(self) -> S3Server:
        """Start what does not run, and wait until the gateway answers."""
        try:
            if self.memory and not self._runs("osd"):
                self._forget()
            self._start_missing()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End all of it in good order, as an administrator would."""
        self.resume()
        self._end("gateway", signal.SIGTERM, within_s=3)  # it has nothing to lose, and may take its time
        self._end("osd", signal.SIGTERM)
        self._end("mon", signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all of it, as a power cut would."""
        for name in ("gateway", "osd", "mon"):
            self._end(name, signal.SIGKILL)

    def kill_gateway(self) -> None:
        """SIGKILL to the gateway alone: the store is away, and `start` brings it back with its objects."""
        self._end("gateway", signal.SIGKILL)

    def kill_osd(self) -> None:
        """SIGKILL to the object daemon alone: the gateway hangs until `start` has brought it back."""
        self._end("osd", signal.SIGKILL)

    def pause(self) -> None:
        """The gateway hangs: it accepts connections (the kernel does) and says nothing."""
        pid = self._children["gateway"].pid
        os.kill(pid, signal.SIGSTOP)
        wait_for("every thread of the gateway to stop", lambda: _is_stopped(pid), every_s=0.01)

    def resume(self) -> None:
        """The gateway goes on."""
        if self._runs("gateway"):
            os.kill(self._children["gateway"].pid, signal.SIGCONT)

    def make_user(self, name: str, access_key: str, secret_key: str, *options: str) -> None:
        """Somebody else who may use the store; `options` are those of ``radosgw-admin user create``."""
        keys = (f"--access-key={access_key}", f"--secret={secret_key}")
        self._run(
            "radosgw-admin", "user", "create", f"--uid={name}", f"--display-name={name}", *keys, *options
        )

    def _start_missing(self) -> None:
        first = not (self.folder / "mon" / "store.db").exists()
        if first:
            self._make_monitor()
        self._launch("mon", "ceph-mon", "-i", "a")
        if first:
            self._make_osd()
        if not self._runs("osd"):
            self._osd_log.unlink(missing_ok=True)
        self._launch("osd", "ceph-osd", "-i", "0")
        self._wait_for_osd()
        if first:
            self.make_user("test", ACCESS_KEY, SECRET_KEY)
        self._launch("gateway", "radosgw", "-n", "client.admin")
        self._wait_until_it_answers()

    def _make_monitor(self) -> None:
        filled_in = CONFIGURATION.read_text().format(
            folder=self.folder,
            store="memstore" if self.memory else "bluestore",
            kms_key=KMS_KEY,
            **self._identity,
        )
        self._configuration.write_text(filled_in)
        self._make_certificate()
        for name in ("mon", "osd", "gateway"):
            (self.folder / name).mkdir(exist_ok=True)
        address = f"[v2:127.0.0.1:{self._identity['monitor_port']}]"
        monitors = str(self.folder / "monmap")
        fsid = str(self._identity["fsid"])
        self._run("monmaptool", "--create", "--clobber", "--addv", "a", address, "--fsid", fsid, monitors)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)

    def _make_certificate(self) -> None:
        file, name = str(self.certificate), ("-subj", "/CN=S3", "-addext", "subjectAltName=IP:127.0.0.1")
        kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "9")
        self._run("openssl", "req", *kind, *name, "-keyout", file, "-out", f"{file}.public")
        self.certificate.write_text(self.certificate.read_text() + Path(f"{file}.public").read_text())

    def _make_osd(self) -> None:
        identity = str(uuid4())
        self._run("ceph", "--connect-timeout", "60", "osd", "new", identity)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)

    def _run(self, name: str, *arguments: str) -> None:
        given = () if name in ("monmaptool", "openssl") else ("-c", str(self._configuration))
        with (self.folder / "log" / "setup.log").open("ab") as log:
            done = subprocess.run(
                [tool(name), *given, *arguments], stdout=log, stderr=log, timeout=START_TIMEOUT_S, check=False
            )
        assert done.returncode == 0, f"{name} failed: {self._last_words()}"

    def _launch(self, part: str, name: str, *arguments: str) -> None:
        if self._runs(part):
            return
        dies_with_us = (tool("setpriv"), "--pdeathsig", "KILL", "--")
        command = [*dies_with_us, tool(name), "-c", str(self._configuration), "-f", *arguments]
        with (self.folder / "log" / f"{part}.out").open("ab") as log:
            self._children[part] = _starter.submit(
                subprocess.Popen, command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            ).result()
        atexit.register(self._children[part].kill)

    def _wait_for_osd(self) -> None:
        """A gateway that comes before it would wait ten seconds for the one that the last start had."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._runs("osd"):
            if self._osd_log.exists() and "booting -> active" in self._osd_log.read_text(errors="replace"):
                return
            time.sleep(0.05)
        raise AssertionError(f"the object daemon did not come up: {self._last_words()}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._runs("gateway"), f"the gateway ended: {self._last_words()}"
            if self._answers():
                return
            time.sleep(0.05)
        raise AssertionError(f"the S3 server did not answer: {self._last_words()}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _runs(self, part: str) -> bool:
        child = self._children.get(part)
        return child is not None and child.poll() is None

    def _end(self, part: str, number: signal.Signals, within_s: float = 20) -> None:
        child = self._children.get(part)
        if child is None or child.poll() is not None:
            return
        child.send_signal(number)
        try:
            child.wait(within_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(20)

    def _forget(self) -> None:
        """An object daemon that forgot everything cannot come back to its old cluster: begin anew."""
        self.kill()
        for name in ("mon", "osd", "gateway"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _load_identity(self) -> dict[str, int | str]:
        file = self.folder / "identity.json"
        if not file.exists():
            ports = {name: free_port() for name in ("port", "tls_port", "monitor_port")}
            secret = b64encode(os.urandom(32)).decode()
            file.write_text(json.dumps({**ports, "fsid": str(uuid4()), "kms_secret": secret}))
        loaded: dict[str, int | str] = json.loads(file.read_text())
        return loaded

    def _last_words(self) -> str:
        logs = sorted((self.folder / "log").iterdir(), key=lambda file: file.stat().st_mtime)
        return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-1000:]}" for file in logs)


@cache
def shared_server() -> S3Server:
    """One server in memory for everything that this process tests; it ends with the process."""
    folder = Path(tempfile.mkdtemp(prefix="farlight-s3-"))
    server = S3Server(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    return server.start()


def _is_stopped(pid: int) -> bool:
    """A thread that runs on another processor stops a moment after it was told to."""
    states = [
        file.read_text().rpartition(")")[2].split()[0] for file in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state in "TtZX" for state in states)

"""A real PostgreSQL server for tests: on loopback, in a folder of its own, gone when the tests end in whatever way."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from running import free_port, tool, wait_for

OWNER = "farlight"
START_TIMEOUT_S = 60.0

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
max_connections = 200
shared_buffers = 64MB
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = on
autovacuum = {durable}
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
log_min_messages = warning
deadlock_timeout = 200ms
lc_messages = 'C'
"""

_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="postgres-starter")
"""Starts the server. The kernel ends it when the *thread* that started it ends, so that must not be a test's."""


def program(name: str) -> str:
    """One of PostgreSQL's programs, of the newest version; Debian keeps them out of the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(versions[-1]) if versions else tool(name)


class PostgresServer:
    """A context manager; `stop` and `start` as often as wanted, the port stays the same.

    With ``durable=False`` nothing is synced: quick, and enough for all but the power cut of a machine.
    """

    def __init__(self, *, durable: bool = False, locale: str = "C.UTF-8") -> None:
        self.durable = durable
        self.locale = locale
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="farlight-postgres-"))
        self.log = self.folder / "server.log"
        self._templates: dict[str, threading.Lock] = {}
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)

    def __enter__(self) -> PostgresServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.remove()

    def url(self, database: str = "postgres") -> str:
        """A value for FARLIGHT_DATABASE_URL."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> PostgresServer:
        """Start it unless it runs, and wait until it answers; makes the cluster the first time."""
        if self._process is not None and self._process.poll() is None:
            return self
        if not (self.folder / "data").exists():
            self._make_cluster()
        command = [
            *self._as_whom("--pdeathsig", "QUIT"),
            program("postgres"),
            "-D",
            str(self.folder / "data"),
        ]
        with self.log.open("ab") as log:
            self._process = _starter.submit(
                subprocess.Popen, command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            ).result()
        wait_for("PostgreSQL to answer", self._answers, START_TIMEOUT_S)
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it in good order, SIGQUIT at once as a crash would, without a checkpoint."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(30)

    def kill(self) -> None:
        """SIGKILL to the server's first process; the others see it and end."""
        backends = [*self.backends("")]
        self.stop(signal.SIGKILL)
        wait_for("its processes to end", lambda: not any(map(_lives, backends)), START_TIMEOUT_S)

    def backends(self, titled: str) -> list[int]:
        """Numbers of the server's processes whose title holds some words: those of a database have its name."""
        assert self._process is not None
        command = ["pgrep", "-f", "-P", str(self._process.pid), titled or "postgres"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]

    def remove(self) -> None:
        """End it and forget everything."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, template: str = "template0", *options: str) -> str:
        """A new database; its name."""
        self._number += 1
        name = f"test_{self._number}"
        self.execute(f"create database {name} template {template} {' '.join(options)}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"drop database if exists {name} with (force)")

    def copy_of(self, template: str, make: Callable[[str], None]) -> str:
        """A new database like the one that `make` prepares, given its address; prepared once. Its name."""
        if template not in self._templates:
            self.execute(f"create database {template} template template0")
            make(self.url(template))
            self._templates[template] = threading.Lock()
        return self.create(template, "strategy file_copy")

    def execute(self, statement: str) -> None:
        """Run a statement as the owner of everything."""
        with self.session() as connection:
            connection.execute(statement)

    @contextmanager
    def session(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A connection of an administrator's; each statement is a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            yield connection

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"PostgreSQL ended: {self.log.read_text()[-2000:]}"
        try:
            with self.session():
                return True
        except psycopg.OperationalError:
            return False

    def _make_cluster(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, _unprivileged())
        options = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale", self.locale, "--no-sync"]
        command = [*self._as_whom(), program("initdb"), *options, "-D", str(self.folder / "data")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr
        durable = "on" if self.durable else "off"
        with (self.folder / "data" / "postgresql.auto.conf").open("a") as file:
            file.write(CONFIGURATION.format(port=self.port, durable=durable))

    def _as_whom(self, *options: str) -> list[str]:
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return [tool("setpriv"), *options, "--"]
        user = _unprivileged()
        return [tool("setpriv"), "--reuid", user, "--regid", _group(user), "--clear-groups", *options, "--"]


def _lives(process: int) -> bool:
    """A process that has ended may wait for somebody to take notice (state Z)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _unprivileged() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _group(user: str) -> str:
    return str(pwd.getpwnam(user).pw_gid)

"""HTTP clients that cost little, as they share the processors with the servers: one thread, plain sockets kept open."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

_ROOM = 1 << 18


@dataclass(frozen=True)
class Target:
    """A server's DICOMweb tree: `base` is its path, `headers` go with every request."""

    port: int
    base: str
    headers: tuple[tuple[str, str], ...] = ()

    def request(self, path: str, accept: str) -> bytes:
        """The bytes of a GET."""
        lines = [f"GET {self.base}{path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {accept}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


@dataclass
class Answer:
    """What came back to a request, read piece by piece; the body is kept only if asked for."""

    request: bytes = b""
    keep: bool = False
    status: int = 0
    length: int = -1
    received: int = 0
    head: bytes = b""
    body: bytearray = field(default_factory=bytearray)

    def take(self, data: memoryview) -> bool:
        """Takes a piece; tells whether the answer is complete."""
        if not self.status:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._read_head(self.head[:end])
            data = memoryview(self.head)[end + 4 :]
        self.received += len(data)
        if self.keep:
            self.body += data
        return self.received >= self.length

    def _read_head(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        self.status = int(lines[0].split()[1])
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self.length = int(value)
        if self.length < 0:
            raise SystemExit(f"an answer without a length: {head.decode('latin-1')}")


class Closed(Exception):
    """The server closed a connection that had nothing to do when the next request was under way."""


class Connection:
    """One connection that stays open, asked one thing after the other."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._room = memoryview(bytearray(_ROOM))
        self.open()

    def open(self) -> None:
        """Connect, anew if it was closed."""
        self.socket = socket.create_connection(("127.0.0.1", self.target.port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, accept: str) -> Answer:
        """Ask, and wait for all of the answer. Ends the program unless it is 200."""
        answer = Answer(keep=True)
        self.socket.sendall(self.target.request(path, accept))
        while not self.read(answer):
            pass
        return answer

    def read(self, answer: Answer) -> bool:
        """Read what is there; tells whether the answer is complete."""
        count = self.socket.recv_into(self._room)
        if not count:
            if answer.head:
                raise SystemExit("a connection was closed within an answer")
            raise Closed
        complete = answer.take(self._room[:count])
        if complete and answer.status != 200:
            raise SystemExit(f"{answer.status} was answered: {bytes(answer.body[:300]).decode('latin-1')}")
        return complete

    def close(self) -> None:
        """Close it."""
        self.socket.close()


@dataclass(frozen=True)
class Run:
    """What asking took: seconds in all, of each request, and bytes of all bodies."""

    wall_s: float
    each_s: list[float]
    body_bytes: int

    def p95_s(self) -> float:
        """Nineteen in twenty were no slower."""
        ordered = sorted(self.each_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def ask_all(target: Target, paths: Sequence[str], accept: str, connections: int) -> Run:
    """All paths, shared out among so many connections, each asking for its next when it has its answer."""
    opened = [Connection(target) for _ in range(min(connections, len(paths)))]
    try:
        return _run(opened, iter([target.request(path, accept) for path in paths]))
    finally:
        for one in opened:
            one.close()


def _run(opened: list[Connection], requests: Iterator[bytes]) -> Run:
    seconds: list[float] = []
    body_bytes = 0
    asked: dict[Connection, tuple[float, Answer]] = {}
    with selectors.EpollSelector() as selector:
        begun = time.perf_counter()
        for one in opened:
            selector.register(one.socket, selectors.EVENT_READ, one)
            _ask(one, requests, asked)
        while asked:
            for key, _ in selector.select():
                one = key.data
                since, answer = asked[one]
                if _read(one, answer, selector):
                    seconds.append(time.perf_counter() - since)
                    body_bytes += answer.received
                    _ask(one, requests, asked)
                if one not in asked:
                    selector.unregister(one.socket)
    return Run(time.perf_counter() - begun, seconds, body_bytes)


def _read(one: Connection, answer: Answer, selector: selectors.BaseSelector) -> bool:
    try:
        return one.read(answer)
    except (Closed, ConnectionError):
        selector.unregister(one.socket)
        one.close()
        one.open()
        selector.register(one.socket, selectors.EVENT_READ, one)
        one.socket.sendall(answer.request)
        return False


def _ask(one: Connection, requests: Iterator[bytes], asked: dict[Connection, tuple[float, Answer]]) -> None:
    request = next(requests, None)
    if request is None:
        asked.pop(one, None)
        return
    with suppress(ConnectionError):  # it is told when reading
        one.socket.sendall(request)
    asked[one] = (time.perf_counter(), Answer(request))

"""Two hundred people read while eight hospitals send: nobody gets an error, and the sending keeps half its speed."""

from __future__ import annotations

import json
import selectors
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from pydicom import dcmread

from bench.series import scratch, send, write_series
from bench.web_load import Answer, Connection, Target
from bench.web_servers import WebServer, farlight_web

JSON, STORED = (
    "application/dicom+json",
    'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
)


@dataclass(frozen=True)
class Effort:
    """How much of it; each reader waits `pause_s` after an answer, as people do."""

    readers: int = 200
    senders: int = 8
    images_each: int = 50
    pixels: int = 512
    read_images: int = 100
    rounds: int = 3
    pause_s: float = 0.5


SHORT = Effort(senders=8, images_each=6, pixels=256, read_images=10, rounds=1)


@dataclass
class Reading:
    """What the readers saw."""

    answers: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def p95_ms(self) -> float:
        """Nineteen in twenty answers came no later."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.95)] * 1000 if self.seconds else 0.0


class Readers:
    """All readers in one thread, each on a connection of its own, while the context lasts."""

    def __init__(self, target: Target, asked: list[tuple[str, str]], effort: Effort) -> None:
        self.reading = Reading()
        self._target, self._effort = target, effort
        self._requests = cycle([target.request(path, accept) for path, accept in asked])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Readers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        readers = [Connection(self._target) for _ in range(self._effort.readers)]
        due = [(time.perf_counter() + number / len(readers), one) for number, one in enumerate(readers)]
        asked: dict[Connection, tuple[float, Answer]] = {}
        with selectors.EpollSelector() as selector:
            for one in readers:
                selector.register(one.socket, selectors.EVENT_READ, one)
            while asked or not self._stop.is_set():
                due = self._ask_due(due, asked)
                for key, _ in selector.select(0.01):
                    self._read(key.data, asked, due)
        for one in readers:
            one.close()

    def _ask_due(
        self, due: list[tuple[float, Connection]], asked: dict[Connection, tuple[float, Answer]]
    ) -> list[tuple[float, Connection]]:
        now = time.perf_counter()
        if self._stop.is_set():
            return []
        for at, one in due:
            if at <= now:
                one.socket.sendall(next(self._requests))
                asked[one] = (now, Answer())
        return [(at, one) for at, one in due if at > now]

    def _read(
        self,
        one: Connection,
        asked: dict[Connection, tuple[float, Answer]],
        due: list[tuple[float, Connection]],
    ) -> None:
        if one not in asked:
            self.reading.errors.append("a connection was closed between two questions")
            self._stop.set()
            return
        since, answer = asked[one]
        try:
            if not one.read(answer):
                return
        except (SystemExit, OSError) as why:
            self.reading.errors.append(str(why))
        del asked[one]
        now = time.perf_counter()
        self.reading.answers += 1
        self.reading.seconds.append(now - since)
        due.append((now + self._effort.pause_s, one))


@dataclass(frozen=True)
class Outcome:
    """Images a second of all senders, alone and beside the readers, round by round."""

    alone: list[float]
    beside: list[float]
    reading: list[Reading]

    def ratio(self) -> float:
        """Of its speed alone, what the sending keeps."""
        return statistics.median(self.beside) / statistics.median(self.alone)

    def errors(self) -> list[str]:
        """Of all readers."""
        return [error for one in self.reading for error in one.errors]


def run(folder: Path, effort: Effort) -> Outcome:
    """Alone and beside, in turn, after a round that does not count."""
    alone: list[float] = []
    beside: list[float] = []
    readings: list[Reading] = []
    with farlight_web(folder / "farlight", 1) as server:
        asked = _what_is_read(server, effort)
        _images_a_second(server, effort)
        for _ in range(effort.rounds):
            alone.append(_images_a_second(server, effort))
            with Readers(server.target, asked, effort) as readers:
                time.sleep(2)
                beside.append(_images_a_second(server, effort))
            readings.append(readers.reading)
    return Outcome(alone, beside, readings)


def measure(folder: Path, effort: Effort) -> str:
    """As a table."""
    outcome = run(folder, effort)
    answers = sum(one.answers for one in outcome.reading)
    p95 = statistics.median(one.p95_ms() for one in outcome.reading)
    return "\n".join(
        (
            f"| {effort.readers} readers beside {effort.senders} senders | |",
            "|---|---|",
            f"| images a second, alone | {statistics.median(outcome.alone):.0f} |",
            f"| images a second, beside the readers | {statistics.median(outcome.beside):.0f} |",
            f"| kept of its speed (must: 0.5) | {outcome.ratio():.2f} |",
            f"| answers, of which errors | {answers}, {len(outcome.errors())} |",
            f"| p95 of the answers | {p95:.0f} ms |",
        )
    )


def _images_a_second(server: WebServer, effort: Effort) -> float:
    with scratch() as made:
        folders = write_series(made, effort.senders * effort.images_each, effort.pixels, effort.senders)
        begun = time.perf_counter()
        send(server.dicom, folders)
        return effort.senders * effort.images_each / (time.perf_counter() - begun)


def _what_is_read(server: WebServer, effort: Effort) -> list[tuple[str, str]]:
    """Of one series: lists, metadata, frames as they are stored, pictures and small pictures."""
    with scratch() as made:
        folders = write_series(made, effort.read_images, effort.pixels, 1)
        series = dcmread(next(folders[0].iterdir()), stop_before_pixels=True).SeriesInstanceUID
        send(server.dicom, folders)
    connection = Connection(server.target)
    found = json.loads(bytes(connection.get(f"/instances?SeriesInstanceUID={series}&limit=5000", JSON).body))
    connection.close()
    return list(_mixed([_address(one) for one in found]))


def _address(found: dict[str, dict[str, list[str]]]) -> str:
    study, series, instance = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    return f"/studies/{study}/series/{series}/instances/{instance}"


def _mixed(images: list[str]) -> Iterator[tuple[str, str]]:
    for number, image in enumerate(images):
        yield f"{image}/frames/1", STORED
        yield f"{image}/rendered?viewport=512,512&window={40 + number},400", "image/jpeg"
        yield f"{image}/thumbnail?viewport=128,128", "image/jpeg"
        if number % 10 == 0:
            yield "/studies?limit=20", JSON
            yield f"{image.partition('/instances')[0]}/metadata", JSON

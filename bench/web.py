"""``python -m bench.web``: reading over DICOMweb, beside Orthanc with Debian's DICOMweb plugin doing the same in turn.

``--parts`` names some: qido, metadata, frames, rendered, growth, codecs, link. ``--kept FOLDER`` is where seeded
Orthancs are kept for the next time; ``--sizes`` are the numbers of studies in the archives.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import web_codecs, web_link
from bench.compare import Row, Sample, Work, in_turn, table, timed
from bench.held_series import Held, hold
from bench.series import scratch
from bench.web_load import Connection, Run, ask_all
from bench.web_memory import Peak, peak_of
from bench.web_servers import WebServer, default_kept, farlight_web, orthanc_web

JSON = "application/dicom+json"
RAW = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JPEG = "image/jpeg"
_QUESTIONS = {
    "limit=100": ["/studies?limit=100"],
    "a name with a wildcard": [
        f"/studies?limit=100&PatientName={name}*" for name in ("Wang", "Li", "Zhang", "Ayg", "Me", "Zh")
    ],
    "a month": [
        f"/studies?limit=100&StudyDate={year}{month:02}01-{year}{month:02}28"
        for year, month in ((2022, 3), (2023, 11), (2024, 6), (2025, 1), (2025, 9), (2026, 4))
    ],
}


@dataclass(frozen=True)
class Effort:
    """How much of everything."""

    sizes: tuple[int, ...] = (1000, 20_000)
    images: int = 400
    pixels: int = 512
    users: int = 50
    rounds: int = 5
    questions: int = 12
    coded: int = 40


SHORT = Effort(sizes=(40,), images=8, pixels=64, users=4, rounds=1, questions=1, coded=2)
"""Shows in seconds that it works; `IN_SHORT` leaves out what is the same work with other servers."""
PARTS = ("qido", "metadata", "frames", "rendered", "growth", "codecs", "link")
IN_SHORT = tuple(part for part in PARTS if part != "growth")


def measure(folder: Path, kept: Path, effort: Effort, parts: tuple[str, ...] = PARTS) -> str:
    """The tables, in Markdown."""
    told = []
    compared = [part for part in ("qido", "metadata", "frames", "rendered") if part in parts]
    for size in effort.sizes if compared else ():
        rows, peak = _compare(folder / str(size), kept, size, effort, compared)
        told += [table(rows), *([peak.told(size)] if peak.bytes else [])]
    if "growth" in parts:
        told.append(table(_growth(folder / "growth", effort)))
    if "codecs" in parts or "link" in parts:
        told += _alone(folder / "alone", effort, parts)
    return "\n\n".join(told)


def _alone(folder: Path, effort: Effort, parts: tuple[str, ...]) -> Iterator[str]:
    with farlight_web(folder / "farlight", min(effort.sizes)) as server:
        if "codecs" in parts:
            yield web_codecs.measure(server, folder, effort.coded, effort.pixels)
        if "link" in parts:
            yield web_link.measure(server, folder, effort.pixels, 1 + 2 * effort.rounds)


def _compare(folder: Path, kept: Path, size: int, effort: Effort, parts: list[str]) -> tuple[list[Row], Peak]:
    peak = Peak()
    with (
        farlight_web(folder / "farlight", size) as ours,
        orthanc_web(folder / "orthanc", size, kept) as theirs,
        scratch() as made,
    ):
        rows: list[Row] = []
        if "qido" in parts:
            rows += [_qido(ours, theirs, name, size, effort) for name in _QUESTIONS]
        if "metadata" in parts:
            rows += _metadata(ours, theirs, made, size, effort)
        if "frames" in parts or "rendered" in parts:
            held = hold(made, [ours, theirs], effort.images, effort.pixels)
            _require_same_pixels(ours, theirs, held)
        if "frames" in parts:
            rows.append(_frames(ours, {"Orthanc": theirs}, held, f"{size:,} studies", effort))
        if "rendered" in parts:
            rows += _rendered(ours, {"Orthanc": theirs}, held, f"{size:,} studies", effort, peak)
    return rows, peak


def _growth(folder: Path, effort: Effort) -> list[Row]:
    """The same work with the largest and the smallest number of studies."""
    most, least = max(effort.sizes), min(effort.sizes)
    with ExitStack() as stack:
        full = stack.enter_context(farlight_web(folder / "full", most))
        small = stack.enter_context(farlight_web(folder / "small", least))
        made = stack.enter_context(scratch())
        held = hold(made, [full, small], effort.images, effort.pixels)
        peers, name = {f"Farlight, {least:,} studies": small}, f"{most:,} studies"
        frames = _frames(full, peers, held, name, effort)
        return [frames, *_rendered(full, peers, held, name, effort, Peak())]


# -- the rows ----------------------------------------------------------------------------------------


def _qido(ours: WebServer, theirs: WebServer, name: str, size: int, effort: Effort) -> Row:
    questions = (_QUESTIONS[name] * effort.questions)[: effort.questions]
    _require_same_answers(ours, theirs, _QUESTIONS[name])

    def ask(server: WebServer) -> Sample:
        return timed(lambda: ask_all(server.target, questions, JSON, 1), server.dicom.cpu_s)

    title = f"QIDO studies, {name}, {size:,} studies"
    peers = {"Orthanc": lambda _number: ask(theirs)}
    return in_turn(title, len(questions), "ms", effort.rounds, lambda _number: ask(ours), peers)


def _metadata(ours: WebServer, theirs: WebServer, made: Path, size: int, effort: Effort) -> list[Row]:
    """Right after a series came, which is a new one in each round, of small images; then the same again."""
    series: list[str] = []

    def ask(server: WebServer, number: int, times: int) -> Sample:
        paths = [f"{series[number]}/metadata"] * times
        return timed(lambda: ask_all(server.target, paths, JSON, 1), server.dicom.cpu_s)

    def new(number: int) -> Sample:
        series.append(hold(made, [ours, theirs], effort.images, 64).series)
        return ask(ours, number, 1)

    def title(which: str) -> str:
        return f"metadata of {effort.images} slices, {which}, {size:,} studies"

    first: dict[str, Work] = {"Orthanc": lambda number: ask(theirs, number, 1)}
    again: dict[str, Work] = {"Orthanc": lambda number: ask(theirs, number, 5)}
    return [
        in_turn(title("first"), 1, "ms", effort.rounds, new, first),
        in_turn(title("warm"), 5, "ms", effort.rounds, lambda number: ask(ours, number, 5), again),
    ]


def _frames(ours: WebServer, peers: dict[str, WebServer], held: Held, size: str, effort: Effort) -> Row:
    paths = [f"{one}/frames/1" for one in held.instances]

    def ask(server: WebServer) -> Sample:
        return timed(lambda: ask_all(server.target, paths, RAW, 8), server.dicom.cpu_s)

    others = {name: _always(ask, server) for name, server in peers.items()}
    title = f"{len(paths)} raw frames over 8 connections, {size}"
    return in_turn(title, len(paths), "frames/s", effort.rounds, lambda _number: ask(ours), others)


def _always(ask: Callable[[WebServer], Sample], server: WebServer) -> Work:
    return lambda _number: ask(server)


def _rendered(
    ours: WebServer, peers: dict[str, WebServer], held: Held, size: str, effort: Effort, peak: Peak
) -> list[Row]:
    """Each picture is asked for once in a round, and each round has another window: nobody has it made already."""
    names = [f"rendered JPEG {effort.pixels}, {effort.users} users{what}, {size}" for what in ("", ", p95")]
    whole = Row(names[0], len(held.instances), "pictures/s", peers={name: [] for name in peers})
    slowest = Row(names[1], 1, "ms", peers={name: [] for name in peers})
    for number in range(effort.rounds + 1):
        with peak_of(ours, peak):
            samples = _pictures(ours, held, number, effort)
        others = {name: _pictures(server, held, number, effort) for name, server in peers.items()}
        if not number:
            continue
        for row, which in ((whole, 0), (slowest, 1)):
            row.ours.append(samples[which])
            for name, other in others.items():
                row.peers[name].append(other[which])
    return [whole, slowest]


def _pictures(server: WebServer, held: Held, number: int, effort: Effort) -> tuple[Sample, Sample]:
    shown = (
        f"window={1000 + number},{1000 + number},linear&viewport={effort.pixels},{effort.pixels}&quality=85"
    )
    paths = [f"{one}/frames/1/rendered?{shown}" for one in held.instances]
    runs: list[Run] = []
    whole = timed(lambda: runs.append(ask_all(server.target, paths, JPEG, effort.users)), server.dicom.cpu_s)
    return whole, Sample(runs[0].p95_s())


# -- that both do the same ------------------------------------------------------------------------------


def _require_same_answers(ours: WebServer, theirs: WebServer, questions: list[str]) -> None:
    for question in questions:
        counts = [len(json.loads(body)) for body in _both(ours, theirs, question, JSON)]
        if counts[0] != counts[1]:
            raise SystemExit(f"{question}: Farlight finds {counts[0]}, Orthanc {counts[1]}")


def _require_same_pixels(ours: WebServer, theirs: WebServer, held: Held) -> None:
    frames = [_content(body) for body in _both(ours, theirs, f"{held.instances[-1]}/frames/1", RAW)]
    if frames[0] != frames[1]:
        raise SystemExit("the servers do not give the same frame")


def _both(ours: WebServer, theirs: WebServer, path: str, accept: str) -> Iterator[bytes]:
    for server in (ours, theirs):
        connection = Connection(server.target)
        yield bytes(connection.get(path, accept).body)
        connection.close()


def _content(body: bytes) -> bytes:
    """Of the only part."""
    boundary = body.lstrip(b"\r\n").partition(b"\r\n")[0]
    return body.partition(b"\r\n\r\n")[2].partition(b"\r\n" + boundary)[0]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--kept", type=Path, default=default_kept())
    parser.add_argument("--short", action="store_true", help="few of everything")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(Effort.sizes))
    parser.add_argument("--rounds", type=int, default=Effort.rounds)
    given = parser.parse_args()
    effort = SHORT if given.short else Effort(sizes=tuple(given.sizes), rounds=given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        print(measure(Path(folder), given.kept, effort, tuple(given.parts)))


if __name__ == "__main__":
    main()

"""``python -m bench``: all figures, as tables in Markdown; ``--short`` shows in seconds that it works.

``--only`` names parts: receive, idle, memory, million, search, render, web, volume, load. The parts about a million
studies seed SQLite files; for PostgreSQL see ``python -m bench.million --help`` and ``python -m bench.search --help``.
Parts of web, other sizes, and where the seeded Orthancs are kept: ``python -m bench.web --help``.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import idle, memory, million, readers_and_senders, receive, render, search, volume, web
from bench.compare import table

Part = Callable[[Path, bool], str]


def _receive(folder: Path, short: bool) -> str:
    return table(receive.measure(folder, receive.SHORT if short else receive.FULL, rounds=1 if short else 5))


def _idle(folder: Path, short: bool) -> str:
    many, images, rounds = (20, 10, 1) if short else (1000, 400, 5)
    return table(idle.measure(folder, many, images, rounds))


def _memory(folder: Path, short: bool) -> str:
    objects, frames = (2, 10) if short else (8, 300)
    return memory.measure(folder, objects, frames)


def _million(folder: Path, short: bool) -> str:
    studies, images, rounds = (1000, 10, 1) if short else (1_000_000, 400, 5)
    return table([million.on_sqlite(folder, studies, images, rounds)])


def _search(folder: Path, short: bool) -> str:
    return search.measure_small(folder, 2000 if short else 1_000_000, rounds=3 if short else 100)


def _render(folder: Path, short: bool) -> str:
    return table(render.measure(folder, frames=5 if short else 100, rounds=1 if short else 5))


def _web(folder: Path, short: bool) -> str:
    if short:
        return web.measure(folder, folder, web.SHORT, web.IN_SHORT)
    return web.measure(folder, web.default_kept(), web.Effort())


def _volume(folder: Path, short: bool) -> str:
    return volume.measure(folder, volume.SHORT if short else volume.Effort())


def _load(folder: Path, short: bool) -> str:
    return readers_and_senders.measure(
        folder, readers_and_senders.SHORT if short else readers_and_senders.Effort()
    )


PARTS: dict[str, Part] = {
    "receive": _receive,
    "idle": _idle,
    "memory": _memory,
    "million": _million,
    "search": _search,
    "render": _render,
    "web": _web,
    "volume": _volume,
    "load": _load,
}


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few images and rounds")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts")
    given = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}", flush=True
    )
    for name in given.only:
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{PARTS[name](Path(folder), given.short)}", flush=True)


main()

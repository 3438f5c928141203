"""Receiving images: Farlight's node, Orthanc and DCMTK's storescp in turn, sent to by DCMTK's storescu.

Farlight answers Success after file, folder and index are synced; Orthanc syncs its files and lets SQLite sync its index
in the background; storescp does neither and keeps no index.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.compare import Row, Sample, in_turn, timed
from bench.series import scratch, send, write_series
from bench.servers import Server, farlight, orthanc, storescp


@dataclass(frozen=True)
class Load:
    """`images` of `pixels` squared, over `associations` at once."""

    name: str
    images: int
    pixels: int
    associations: int


FULL = (
    Load("receive 400 CT of 512 KiB, 1 association", 400, 512, 1),
    Load("receive 400 CT of 512 KiB, 8 associations", 400, 512, 8),
    Load("receive 5000 instances of 2 KB, 8 associations", 5000, 24, 8),
)
SHORT = (Load("receive 10 CT of 512 KiB, 2 associations", 10, 512, 2),)


def measure(folder: Path, loads: tuple[Load, ...], rounds: int) -> list[Row]:
    """Every round sends a series that none has seen."""
    with ExitStack() as stack:
        ours = stack.enter_context(farlight(folder / "farlight"))
        peers = [
            stack.enter_context(orthanc(folder / "orthanc")),
            stack.enter_context(storescp(folder / "storescp")),
        ]
        return [_row(load, ours, peers, rounds) for load in loads]


def _row(load: Load, ours: Server, peers: list[Server], rounds: int) -> Row:
    with scratch() as folder:
        series = [
            write_series(folder / str(number), load.images, load.pixels, load.associations)
            for number in range(rounds + 1)
        ]
        works = {peer.name: _work(peer, series) for peer in peers}
        return in_turn(load.name, load.images, "images/s", rounds, _work(ours, series), works)


def _work(server: Server, series: list[list[Path]]) -> Callable[[int], Sample]:
    return lambda number: timed(lambda: send(server, series[number]), server.cpu_s)

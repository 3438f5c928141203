"""Several programs at the same work in turn, A B C A B C, and the ratio of each round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """What one round took: seconds on the clock, and of the server's processor where that is known."""

    wall_s: float
    cpu_s: float | None = None


@dataclass
class Row:
    """One kind of work: rounds of ours and of each peer; `amount` units of `unit` were done in each round. The unit
    ``ms`` tells what one took instead."""

    name: str
    amount: int
    unit: str
    ours: list[Sample] = field(default_factory=list)
    peers: dict[str, list[Sample]] = field(default_factory=dict)
    must: str = ""

    def ratios(self, peer: str) -> list[float]:
        """How many times the peer's speed, round by round."""
        return [b.wall_s / a.wall_s for a, b in zip(self.ours, self.peers[peer], strict=True)]

    def cpu_ratios(self, peer: str) -> list[float]:
        """How many times less of the processor, round by round; empty where it is not known."""
        pairs = zip(self.ours, self.peers[peer], strict=True)
        return [b.cpu_s / a.cpu_s for a, b in pairs if a.cpu_s and b.cpu_s]


Work = Callable[[int], Sample]
"""Does round number n and tells what it took."""


def in_turn(name: str, amount: int, unit: str, rounds: int, ours: Work, peers: dict[str, Work]) -> Row:
    """Run all of them `rounds` times, interleaved, after one round that does not count."""
    row = Row(name, amount, unit, peers={peer: [] for peer in peers})
    for number in range(rounds + 1):
        sample = ours(number)
        others = {peer: work(number) for peer, work in peers.items()}
        if number:
            row.ours.append(sample)
            for peer, other in others.items():
                row.peers[peer].append(other)
    return row


def timed(work: Callable[[], object], cpu_s: Callable[[], float] | None = None) -> Sample:
    """Run it once."""
    before, begun = cpu_s() if cpu_s else None, time.perf_counter()
    work()
    wall = time.perf_counter() - begun
    return Sample(wall, cpu_s() - before if cpu_s and before is not None else None)


def table(rows: Sequence[Row]) -> str:
    """Markdown: medians, and each ratio's least, median and most."""
    lines = [
        "| work | Farlight | peer | speed: times the peer's, min / median / max | processor: times less |",
        "|---|---|---|---|---|",
    ]
    lines += [_line(row, peer) for row in rows for peer in row.peers]
    return "\n".join(lines)


def _line(row: Row, peer: str) -> str:
    ours, theirs = (_told(row, samples) for samples in (row.ours, row.peers[peer]))
    return f"| {row.name} | {ours} | {peer}: {theirs} | {_three(row.ratios(peer))} | {_three(row.cpu_ratios(peer))} |"


def _told(row: Row, samples: list[Sample]) -> str:
    middle = statistics.median(sample.wall_s for sample in samples)
    if row.unit == "ms":
        return f"{1e3 * middle / row.amount:.1f} ms"
    return f"{row.amount / middle:.0f} {row.unit}"


def _three(values: list[float]) -> str:
    if not values:
        return ""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"

"""Two commands of the same work in turn, A B A B, and the ratio of each pair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: seconds of ours and the peer's per round; `amount` units of `unit` were done in each."""

    name: str
    peer: str
    amount: int
    unit: str
    ours_s: tuple[float, ...]
    peers_s: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """How many times the peer's speed, round by round."""
        return [peer / ours for ours, peer in zip(self.ours_s, self.peers_s, strict=True)]


def in_turn(
    name: str,
    peer: str,
    amount: int,
    unit: str,
    rounds: int,
    ours: Callable[[], object],
    theirs: Callable[[], object],
) -> Row:
    """Run both `rounds` times, interleaved, after one round that does not count."""
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(rounds + 1)][1:]
    return Row(name, peer, amount, unit, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


def table(rows: list[Row]) -> str:
    """Markdown: medians, and the ratio's least, median and most."""
    lines = ["| work | Farlight | peer | ratio min / median / max |", "|---|---|---|---|"]
    for row in rows:
        ours, peers = (
            f"{row.amount / statistics.median(s):.0f} {row.unit}" for s in (row.ours_s, row.peers_s)
        )
        low, mid, high = min(row.ratios), statistics.median(row.ratios), max(row.ratios)
        lines.append(f"| {row.name} | {ours} | {row.peer}: {peers} | {low:.2f} / {mid:.2f} / {high:.2f} |")
    return "\n".join(lines)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun

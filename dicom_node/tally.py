"""What an association brought so far: how many of what outcome, why not, of which studies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dicom_node.store import StoreAnswer


@dataclass
class Tally:
    """Counts of instances; `reasons` are held-aside kinds, statuses in four hexadecimal digits, or words."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    studies: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    latest_study: str = ""

    def add(self, answer: StoreAnswer, size: int) -> None:
        """One instance of `size` bytes."""
        self.outcomes[answer.outcome] += 1
        self.bytes += size
        if answer.reason:
            self.reasons[answer.reason] += 1
        if answer.receipt is not None:
            self.latest_study = answer.receipt.study_instance_uid
            self.studies[self.latest_study] += 1

    def merge(self, other: Tally) -> None:
        """Add the other's counts."""
        self.outcomes.update(other.outcomes)
        self.reasons.update(other.reasons)
        self.studies.update(other.studies)
        self.bytes += other.bytes
        self.latest_study = other.latest_study or self.latest_study

"""Many threads, one commit: together when they come together, at once when alone, and each with its own outcome."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from storage.errors import Unavailable
from storage.group_commit import GroupCommit


class Ledger:
    """Commits numbers. While `gate` is closed a commit waits; a negative number cannot be committed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.away = False
        self._alone = threading.Lock()

    def commit(self, batch: Sequence[int]) -> list[int]:
        assert self._alone.acquire(blocking=False), "two commits at a time"
        try:
            self.begun.set()
            assert self.gate.wait(10)
            if self.away:
                raise Unavailable("the database is away", code="AWAY", table="ledger")
            if any(number < 0 for number in batch):
                raise ValueError("a negative number")
            self.batches.append(list(batch))
            return [number * 10 for number in batch]
        finally:
            self._alone.release()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(64)


def gather(
    ledger: Ledger, group: GroupCommit[int, int], threads: ThreadPoolExecutor, numbers: Sequence[int]
) -> list[Future[int]]:
    """The first is being committed while the others come; then the gate opens."""
    ledger.gate.clear()
    first = threads.submit(group.submit, numbers[0])
    assert ledger.begun.wait(10)
    others = [threads.submit(group.submit, number) for number in numbers[1:]]
    while len(group._waiting) < len(others):
        threading.Event().wait(0.001)
    ledger.gate.set()
    return [first, *others]


def test_one_alone_leads_at_once(ledger: Ledger) -> None:
    group = GroupCommit(ledger.commit)
    assert [group.submit(1), group.submit(2)] == [10, 20]
    assert ledger.batches == [[1], [2]]


def test_those_that_come_meanwhile_are_the_next_batch(ledger: Ledger, threads: ThreadPoolExecutor) -> None:
    came = gather(ledger, GroupCommit(ledger.commit), threads, range(1, 9))
    assert [future.result(10) for future in came] == [number * 10 for number in range(1, 9)]
    assert [len(batch) for batch in ledger.batches] == [1, 7]


def test_a_batch_has_a_bound(ledger: Ledger, threads: ThreadPoolExecutor) -> None:
    came = gather(ledger, GroupCommit(ledger.commit, limit=4), threads, range(1, 12))
    assert [future.result(10) for future in came] == [number * 10 for number in range(1, 12)]
    assert [len(batch) for batch in ledger.batches] == [1, 4, 4, 2]


def test_one_that_cannot_be_committed_fails_alone(ledger: Ledger, threads: ThreadPoolExecutor) -> None:
    came = gather(ledger, GroupCommit(ledger.commit), threads, [1, 2, -3, 4])
    assert [came[n].result(10) for n in (0, 1, 3)] == [10, 20, 40]
    with pytest.raises(ValueError, match="a negative number"):
        came[2].result(10)
    assert sorted(number for batch in ledger.batches for number in batch) == [1, 2, 4]


def test_all_are_told_that_the_database_is_away_and_it_recovers(
    ledger: Ledger, threads: ThreadPoolExecutor
) -> None:
    group = GroupCommit(ledger.commit)
    ledger.away = True
    failures = [future.exception(10) for future in gather(ledger, group, threads, [1, 2, 3])]
    for failure in failures:
        assert isinstance(failure, Unavailable)
        assert (failure.message, failure.code, failure.details) == (
            "the database is away",
            "AWAY",
            {"table": "ledger"},
        )
    assert len({id(failure) for failure in failures}) == 3, "each thread raises an error of its own"
    ledger.away = False
    assert group.submit(4) == 40


def test_a_leader_that_is_interrupted_leaves_nobody_waiting(threads: ThreadPoolExecutor) -> None:
    class Ended(BaseException):
        pass

    ledger, ending = Ledger(), threading.Event()
    ending.set()

    def commit(batch: Sequence[int]) -> list[int]:
        done = ledger.commit(batch)
        if ending.is_set():
            raise Ended
        return done

    group = GroupCommit(commit)
    with pytest.raises(Ended):
        group.submit(1)
    ending.clear()
    assert threads.submit(group.submit, 2).result(10) == 20


def test_each_of_many_is_committed_once(ledger: Ledger, threads: ThreadPoolExecutor) -> None:
    group = GroupCommit(ledger.commit, limit=16)
    assert list(threads.map(group.submit, range(3000))) == [number * 10 for number in range(3000)]
    assert sorted(number for batch in ledger.batches for number in batch) == list(range(3000))
    assert max(map(len, ledger.batches)) <= 16

"""What is kept in memory is bounded by bytes, and made once for all who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from viewer_api.kept_in_memory import KeptInMemory


def test_those_used_last_are_kept_within_the_bound() -> None:
    kept: KeptInMemory[bytes] = KeptInMemory(10_000, len)
    made: list[int] = []

    def get(number: int) -> bytes:
        return kept.get(number, lambda: made.append(number) or bytes(1000))

    for number in range(8):
        get(number)
        get(0)
    assert kept.bytes <= 10_000
    assert len(kept) == 8
    get(8)
    made.clear()
    get(0)
    assert made == [], "it was used again and again"
    get(1)
    assert made == [1], "it was used least"


def test_what_is_too_large_is_given_and_not_kept() -> None:
    kept: KeptInMemory[bytes] = KeptInMemory(10_000, len)
    assert len(kept.get("small", lambda: b"0")) == 1
    assert len(kept.get("large", lambda: bytes(5000))) == 5000
    assert (len(kept), kept.bytes) == (1, 201)


@pytest.mark.parametrize("fails", [False, True])
def test_what_many_ask_for_at_once_is_made_once(fails: bool) -> None:
    kept: KeptInMemory[bytes] = KeptInMemory(10_000, len)
    made: list[int] = []
    all_asked = threading.Event()

    def make() -> bytes:
        made.append(1)
        assert all_asked.wait(10)
        if fails:
            raise ValueError("broken")
        return b"made"

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept.get, "key", make) for _ in range(8)]
        while not made:
            pass
        threading.Timer(0.1, all_asked.set).start()
        outcomes = [each.exception() if fails else each.result() for each in asked]
    assert len(made) == 1
    assert len({str(one) for one in outcomes}) == 1
    if fails:
        assert kept.get("key", lambda: b"now") == b"now", "a failure is not kept"

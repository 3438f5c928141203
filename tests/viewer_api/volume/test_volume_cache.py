"""Volumes in memory: each read once, never more than there is room for, and who must wait too long is told so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from storage.errors import Invalid, Unavailable
from viewer_api.render import Window
from viewer_api.volume.cache import VolumeCache
from viewer_api.volume.grid import Grid
from viewer_api.volume.volume import Volume
from viewer_api.volume.waiting_line import WaitingLine


def made(value: int = 0) -> Volume:
    axes = tuple(np.eye(3)[::-1])
    grid = Grid(np.zeros(3), axes, np.arange(2.0), np.zeros((2, 2)), (1.0, 1.0), (2, 2, 2), "")
    return Volume(grid, np.full((2, 2, 2), value, np.int16), 1.0, 0.0, "CT", False, Window(0, 100))


class Reader:
    """Counts how often each volume is read; waits for `gate`."""

    def __init__(self) -> None:
        self.read: list[object] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def of(self, key: int):
        def load() -> Volume:
            self.read.append(key)
            self.begun.set()
            assert self.gate.wait(10)
            return made(key)

        return load


def test_a_volume_is_read_once_however_many_ask():
    cache, reader = VolumeCache(100), Reader()
    reader.gate.clear()

    def ask(_number: int) -> int:
        with cache.hold("a", 16, reader.of(7)) as volume:
            return int(volume.voxels[0, 0, 0])

    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(ask, number) for number in range(5)]
        assert reader.begun.wait(5)
        reader.gate.set()
        assert [each.result(10) for each in answers] == [7] * 5
    assert reader.read == [7]
    assert cache.used_bytes == 16


def test_what_was_used_longest_ago_makes_room():
    cache, reader = VolumeCache(40), Reader()
    for key in (1, 2, 1, 3, 1, 2):
        with cache.hold(key, 16, reader.of(key)):
            assert cache.used_bytes <= 40
    assert reader.read == [1, 2, 3, 2]


def test_a_volume_in_use_is_not_forgotten_and_the_next_waits_for_it():
    cache, reader = VolumeCache(20), Reader()
    with ThreadPoolExecutor(1) as pool:
        with cache.hold(1, 16, reader.of(1)):
            waiting = pool.submit(lambda: cache.hold(2, 16, reader.of(2)).__enter__())
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            assert reader.read == [1]
        assert waiting.result(10).voxels[0, 0, 0] == 2
    assert cache.used_bytes == 16


def test_who_waits_too_long_is_told_to_come_again():
    cache, reader = VolumeCache(20, wait_s=0.1), Reader()
    with cache.hold(1, 16, reader.of(1)), pytest.raises(Unavailable) as why:
        cache.hold(2, 16, reader.of(2)).__enter__()
    assert why.value.code == "BUSY"


def test_the_line_is_no_longer_than_threads_can_be_spared():
    cache, reader = VolumeCache(20, max_waiting=0), Reader()
    with cache.hold(1, 16, reader.of(1)), pytest.raises(Unavailable):
        cache.hold(2, 16, reader.of(2)).__enter__()


def test_what_failed_leaves_no_trace():
    cache, reader = VolumeCache(20), Reader()

    def fail() -> Volume:
        raise Invalid("broken")

    with pytest.raises(Invalid, match="broken"):
        cache.hold(1, 16, fail).__enter__()
    assert cache.used_bytes == 0
    with cache.hold(1, 16, reader.of(1)) as volume:
        assert volume.voxels.any()


def test_what_never_fits_is_refused_at_once():
    with pytest.raises(Invalid) as why:
        VolumeCache(20).hold(1, 21, made).__enter__()
    assert why.value.code == "VOLUME_TOO_LARGE"


def test_renderings_take_turns():
    line = WaitingLine(at_once=1, max_waiting=0)
    with line.turn(), pytest.raises(Unavailable), line.turn():
        pass
    with line.turn():
        pass

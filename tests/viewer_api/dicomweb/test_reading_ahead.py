"""Reading ahead of a client: in order, several at once, bounded, and no further once nobody wants it."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from viewer_api.dicomweb.reading_ahead import ReadAhead, Reading


class Reader:
    """Reads numbers slowly and remembers what was read and how many at once."""

    def __init__(self, wait_s: float = 0.005, broken: int = -1) -> None:
        self.wait_s, self.broken = wait_s, broken
        self.read: list[int] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def piece(self, number: int, size: int = 100) -> Reading:
        return Reading(size, partial(self._read, number))

    def _read(self, number: int) -> bytes:
        with self.lock:
            self.read.append(number)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.wait_s * (1 + number % 3))
        with self.lock:
            self.at_once -= 1
        if number == self.broken:
            raise OSError("broken")
        return str(number).encode()


def test_the_order_is_kept_and_several_are_read_at_once():
    reader, ahead = Reader(), ReadAhead(8)
    pieces = [piece for number in range(40) for piece in (b"<", reader.piece(number), b">")]
    assert b"".join(ahead.in_order(pieces)) == b"".join(b"<%d>" % number for number in range(40))
    assert reader.most_at_once > 3
    assert ahead.held_bytes == 0


@pytest.mark.parametrize(("answer_bytes", "process_bytes"), [(300, 10_000), (10_000, 300)])
def test_what_is_held_is_bounded(answer_bytes, process_bytes):
    reader, ahead = Reader(0.001), ReadAhead(8, answer_bytes=answer_bytes, process_bytes=process_bytes)
    held = [ahead.held_bytes for _ in ahead.in_order(reader.piece(number) for number in range(30))]
    assert len(held) == 30
    assert 100 < max(held) <= 300


def test_one_that_is_larger_than_all_that_may_be_held_is_read_by_itself():
    reader, ahead = Reader(0.001), ReadAhead(4, answer_bytes=10, process_bytes=10)
    assert list(ahead.in_order(reader.piece(number) for number in range(5))) == [b"0", b"1", b"2", b"3", b"4"]
    assert reader.most_at_once == 1


def test_no_answer_waits_for_the_room_that_another_holds():
    reader, ahead = Reader(0.001), ReadAhead(4, process_bytes=300)
    stuck = ahead.in_order(reader.piece(number) for number in range(10))
    next(stuck)
    assert ahead.held_bytes == 300
    assert len(list(ahead.in_order(reader.piece(number) for number in range(10)))) == 10
    stuck.close()


def test_nothing_more_is_read_once_it_is_closed():
    reader, ahead = Reader(), ReadAhead(2, pieces_ahead=6)
    contents = ahead.in_order(reader.piece(number) for number in range(1000))
    assert next(contents) == b"0"
    contents.close()
    time.sleep(0.1)
    assert len(reader.read) <= 4
    assert ahead.held_bytes == 0


def test_what_cannot_be_read_is_told_at_its_place():
    reader, ahead = Reader(0.001, broken=3), ReadAhead(4)
    contents = ahead.in_order(reader.piece(number) for number in range(10))
    assert [next(contents) for _ in range(3)] == [b"0", b"1", b"2"]
    with pytest.raises(OSError, match="broken"):
        next(contents)
    time.sleep(0.05)
    assert ahead.held_bytes == 0

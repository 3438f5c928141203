"""What the same caller asks again and again: who that is, and where the instance lies.

A viewer asks for a thousand frames in a row, and each needs the same five questions to the index. The answers are
remembered until something is committed, whatever it is (`storage.database_moment`): a role taken away, a session ended
or an instance rejected counts from the next request on, in all processes. While images pour in, little is remembered,
and nothing is ever remembered wrongly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from storage.database import Database
from storage.database_moment import Moments

MAX_REMEMBERED = 4096
"""Answers; those about instances take a kilobyte or two."""

T = TypeVar("T")


class Remembered:
    """Answers about one database, good as long as nothing was committed. Safe to share between threads."""

    def __init__(self, moments: Moments, max_remembered: int = MAX_REMEMBERED) -> None:
        self._moments = moments
        self._max = max_remembered
        self._lock = threading.Lock()
        self._moment: Hashable = None
        self._answers: dict[Hashable, Any] = {}

    def now(self) -> Hashable:
        """The moment that a request begins with. Raises `Unavailable` when the database is away."""
        return self._moments.now()

    def get(self, moment: Hashable, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to `key` as of `moment`, by `ask` if it is not known. What `ask` raises is not remembered.

        Who asks after a moment sees what was committed until then and perhaps more, so that an answer may be newer
        than its moment, and never older.
        """
        with self._lock:
            if moment != self._moment:
                self._moment, self._answers = moment, {}
            if key in self._answers:
                return cast(T, self._answers[key])
        answer = ask()
        with self._lock:
            if moment == self._moment:
                while len(self._answers) >= self._max:
                    self._answers.pop(next(iter(self._answers)))
                self._answers[key] = answer
        return answer


_of: WeakKeyDictionary[Database, Remembered] = WeakKeyDictionary()
_lock = threading.Lock()


def remembered(database: Database) -> Remembered:
    """What is remembered of this database; several are open in one process only in tests."""
    with _lock:
        if database not in _of:
            _of[database] = Remembered(Moments(database))
        return _of[database]

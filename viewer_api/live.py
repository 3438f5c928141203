"""One look at the database for all who watch: a process polls the feeds once and wakes its listeners."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from storage.archive import Archive
from storage.errors import Unavailable
from worklist.events import Happening, Position, after, newest

POLL_S = 0.5
KEEP_OPEN_S = 15.0
REMEMBERED = 2000
"""Happenings kept for those who resume; older ones are read from the database."""

log = structlog.get_logger(__name__)


class LiveFeed:
    """Call `run` once; any number of listeners `wait_after` a position of theirs."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._recent: deque[Happening] = deque(maxlen=REMEMBERED)
        self._woken = asyncio.Condition()
        self._oldest = Position(0, 0)
        self.position = Position(0, 0)
        self.running = True

    async def run(self) -> None:
        """Poll until `stop`."""
        while self.running and not await self._begin():
            await asyncio.sleep(POLL_S)
        while self.running:
            await asyncio.sleep(POLL_S)
            await self._poll()
        async with self._woken:
            self._woken.notify_all()

    def stop(self) -> None:
        """End `run` and with it every listener's stream."""
        self.running = False

    async def wait_after(self, position: Position, timeout_s: float) -> list[Happening]:
        """What happened after `position`, at once if something did; empty after `timeout_s`."""
        missed = await self._missed(position)
        if missed or not self.running:
            return missed
        try:
            async with asyncio.timeout(timeout_s), self._woken:
                await self._woken.wait_for(lambda: self._is_beyond(position) or not self.running)
        except TimeoutError:
            return []
        return await self._missed(position)

    def _is_beyond(self, position: Position) -> bool:
        return self.position.requests > position.requests or self.position.studies > position.studies

    async def _missed(self, position: Position) -> list[Happening]:
        if position.requests < self._oldest.requests or position.studies < self._oldest.studies:
            return await asyncio.to_thread(self._read_after, position)
        return [h for h in self._recent if _is_after(h, position)]

    async def _begin(self) -> bool:
        try:
            self.position = self._oldest = await asyncio.to_thread(self._newest)
        except Unavailable:
            return False
        return True

    async def _poll(self) -> None:
        try:
            found = await asyncio.to_thread(self._read_after, self.position)
        except Unavailable as why:
            log.warning("live feed waits", why=why.message)
            return
        if not found:
            return
        dropped = len(self._recent) + len(found) - REMEMBERED
        if dropped > 0:
            self._oldest = [*self._recent, *found][dropped - 1].position
        self._recent.extend(found)
        self.position = found[-1].position
        async with self._woken:
            self._woken.notify_all()

    def _newest(self) -> Position:
        with self._archive.database.read() as connection:
            return newest(connection)

    def _read_after(self, position: Position) -> list[Happening]:
        with self._archive.database.read() as connection:
            return after(connection, position)


def _is_after(happening: Happening, position: Position) -> bool:
    if happening.kind == "request":
        return happening.position.requests > position.requests
    return happening.position.studies > position.studies

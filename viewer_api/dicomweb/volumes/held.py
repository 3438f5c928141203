"""Which volumes an address names: what the caller may see of it, sorted into stacks once.

A study or series can grow, so each request asks the index which instances there are; their headers are read again
only if that has changed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import select

from storage.archive import Archive
from storage.errors import NotFound
from storage.retrieve import StoredInstance, instances
from storage.tables import instance, series, study
from viewer_api.access import Caller
from viewer_api.dicomweb.holdings import require_one_study
from viewer_api.volume.source import source_frames
from viewer_api.volume.stacks import Stack, stacks

_MAX_HELD = 64


@dataclass(frozen=True)
class Target:
    """What an address names: a study, a series, or an instance; or some `images` of a study."""

    study: str
    series: str | None = None
    instance: str | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """The volumes of a target, the largest first; `key` changes with the instances they are made of, `found` stands
    for all of them."""

    key: str
    found: StoredInstance
    stacks: tuple[Stack, ...]


class HeldStacks:
    """The targets asked for last. Safe to share between threads; headers are read for one target at a time."""

    def __init__(self, max_held: int = _MAX_HELD) -> None:
        self._max_held = max_held
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def get(self, caller: Caller, target: Target) -> Held:
        """Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``, `Invalid` ``VOLUME_TOO_LARGE``."""
        key, identities = _instances_now(caller, target)
        held = self._known(key)
        if held is None:
            with self._reading:
                held = self._known(key) or self._put(_read(caller.archive, key, identities))
        return held

    def _known(self, key: str) -> Held | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def _put(self, held: Held) -> Held:
        with self._lock:
            self._held[held.key] = held
            while len(self._held) > self._max_held:
                self._held.popitem(last=False)
        return held


def _instances_now(caller: Caller, target: Target) -> tuple[str, list[int]]:
    where = [study.c.study_instance_uid == target.study, caller.visible_studies()]
    where.append(instance.c.rejection.is_(None))
    if target.series is not None:
        where.append(series.c.series_instance_uid == target.series)
    if target.instance is not None:
        where.append(instance.c.sop_instance_uid == target.instance)
    if target.images:
        where.append(instance.c.sop_instance_uid.in_(target.images))
    query = (
        select(instance.c.id, instance.c.sha256)
        .join_from(instance, series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(*where)
        .order_by(instance.c.id)
    )
    with caller.archive.database.read() as connection:
        require_one_study(connection, caller, target.study)
        rows = connection.execute(query).all()
    if not rows:
        raise NotFound("there is no such study, series or instance here")
    text = "".join(f"{row.id} {row.sha256} " for row in rows)
    return f"{caller.archive.database.url} {hashlib.sha256(text.encode()).hexdigest()}", [
        row.id for row in rows
    ]


def _read(archive: Archive, key: str, identities: list[int]) -> Held:
    with archive.database.read() as connection:
        found = [
            each
            for first in range(0, len(identities), _AT_ONCE)
            for each in instances(connection, instance.c.id.in_(identities[first : first + _AT_ONCE]))
        ]
    if not found:
        raise NotFound("there is no such study, series or instance here")
    return Held(key, found[0], tuple(stacks(source_frames(archive, found))))


_AT_ONCE = 1000
"""Databases bound how many values a query names."""

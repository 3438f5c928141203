"""Which volumes an address names: what the caller may see of it, sorted into stacks once.

A study or series can grow, so each request asks the index which instances there are; their headers are read again
only if that has changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from storage.archive import Archive
from storage.errors import NotFound
from storage.retrieve import StoredInstance, instances
from storage.tables import instance, series, study
from viewer_api.access import Caller
from viewer_api.dicomweb.holdings import require_one_study
from viewer_api.kept_in_memory import KeptInMemory
from viewer_api.volume.source import source_frames
from viewer_api.volume.stacks import Stack, stacks

_KEPT_BYTES, _FRAME_BYTES = 64 << 20, 2500
"""Of what is known of frames, and about what that takes for one."""
_AT_ONCE = 1000
"""Databases bound how many values a query names."""


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

    @property
    def number_of_frames(self) -> int:
        """Of all volumes."""
        return sum(len(stack.frames) for stack in self.stacks)


_kept: KeptInMemory[Held] = KeptInMemory(_KEPT_BYTES, lambda held: _FRAME_BYTES * held.number_of_frames)


@dataclass(frozen=True)
class _Now:
    """The instances of a target: `content` changes with them, `places` also when they are moved in the store."""

    identities: tuple[int, ...]
    content: str
    places: str


def held_stacks(caller: Caller, target: Target) -> Held:
    """Raises `NotFound`, `Conflict` ``AMBIGUOUS_STUDY``, `Invalid` ``VOLUME_TOO_LARGE``."""
    now = _instances_now(caller, target)
    return _kept.get(now.places, lambda: _read(caller.archive, now))


def _instances_now(caller: Caller, target: Target) -> _Now:
    query = (
        select(instance.c.id, instance.c.sha256, instance.c.blob_key, instance.c.blob_offset)
        .join_from(instance, series, series.c.id == instance.c.series)
        .join(study, study.c.id == series.c.study)
        .where(caller.visible_studies(), instance.c.rejection.is_(None), *_named(target))
        .order_by(instance.c.id)
    )
    with caller.archive.database.read() as connection:
        require_one_study(connection, caller, target.study)
        rows = connection.execute(query).all()
    if not rows:
        raise NotFound("there is no such study, series or instance here")
    url = caller.archive.database.url
    return _Now(
        tuple(row.id for row in rows),
        _digest(url, *(f"{row.id} {row.sha256}" for row in rows)),
        _digest(url, *(f"{row.id} {row.sha256} {row.blob_key} {row.blob_offset}" for row in rows)),
    )


def _named(target: Target) -> list[ColumnElement[bool]]:
    where = [study.c.study_instance_uid == target.study]
    if target.series is not None:
        where.append(series.c.series_instance_uid == target.series)
    if target.instance is not None:
        where.append(instance.c.sop_instance_uid == target.instance)
    if target.images:
        where.append(instance.c.sop_instance_uid.in_(target.images))
    return where


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _read(archive: Archive, now: _Now) -> Held:
    with archive.database.read() as connection:
        found = [
            each
            for first in range(0, len(now.identities), _AT_ONCE)
            for each in instances(connection, instance.c.id.in_(now.identities[first : first + _AT_ONCE]))
        ]
    if not found:
        raise NotFound("there is no such study, series or instance here")
    return Held(now.content, found[0], tuple(stacks(source_frames(archive, found))))

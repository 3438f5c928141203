"""A volume in memory for as long as somebody renders it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from storage.archive import Archive
from viewer_api.access import Caller
from viewer_api.dicomweb.volumes.asked import Asked
from viewer_api.dicomweb.volumes.choice import chosen_stack
from viewer_api.dicomweb.volumes.frame_reader import frame_reader
from viewer_api.dicomweb.volumes.held import Held, Target, held_stacks
from viewer_api.dicomweb.volumes.presented import VOLUMETRIC, presented
from viewer_api.dicomweb.volumes.told import Told
from viewer_api.volume.cache import VolumeCache
from viewer_api.volume.loading import Loading
from viewer_api.volume.stacks import Stack
from viewer_api.volume.volume import Volume


@dataclass(frozen=True)
class Answer:
    """A picture, or without one the account alone."""

    told: Told
    media_type: str
    content: bytes = b""


@dataclass(frozen=True)
class Meant:
    """One volume of a target, and what is asked of it: by the caller, or by a presentation state too."""

    archive: Archive
    volumes: VolumeCache
    held: Held
    stack: Stack
    asked: Asked

    @contextmanager
    def volume(self) -> Iterator[Volume]:
        """Raises what `Loading` and `VolumeCache.hold` raise."""
        loading = Loading(self.stack)
        key = (self.held.key, self.held.stacks.index(self.stack))
        read = frame_reader(self.archive)
        with self.volumes.hold(key, loading.bytes_needed, lambda: loading.run(read)) as volume:
            yield volume


def meant(caller: Caller, volumes: VolumeCache, target: Target, asked: Asked) -> Meant:
    """Which volume is. Raises as `held_stacks`, `presented` and `chosen_stack`."""
    held = held_stacks(caller, target)
    if held.found.sop_class_uid in VOLUMETRIC and target.instance is not None:
        state = presented(caller.archive, held.found, asked)
        images = held_stacks(caller, Target(target.study, images=state.images))
        return Meant(caller.archive, volumes, images, chosen_stack(images.stacks, (), ()), state.asked)
    stack = chosen_stack(held.stacks, asked.references, asked.matches)
    return Meant(caller.archive, volumes, held, stack, asked)

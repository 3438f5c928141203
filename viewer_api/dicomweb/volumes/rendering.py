"""A target and what is asked of it, to a picture or the account of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from storage.archive import Archive
from storage.errors import Invalid
from viewer_api.access import Caller
from viewer_api.dicomweb.volumes.asked import Asked
from viewer_api.dicomweb.volumes.choice import chosen_stack
from viewer_api.dicomweb.volumes.frame_reader import frame_reader
from viewer_api.dicomweb.volumes.held import Held, HeldStacks, Target
from viewer_api.dicomweb.volumes.told import Told
from viewer_api.dicomweb.volumes.views import asked_view, shown_plane
from viewer_api.render.picture import encoded
from viewer_api.volume.cache import VolumeCache
from viewer_api.volume.loading import Loading
from viewer_api.volume.mpr import mpr_values
from viewer_api.volume.picture import fitted, grey, scaled
from viewer_api.volume.slab import Method
from viewer_api.volume.stacks import Stack
from viewer_api.volume.view import View
from viewer_api.volume.view_plane import depth_range, view_plane
from viewer_api.volume.volume import Volume

MAX_BYTES = 1 << 30
"""Voxels that a process keeps: two thousand CT slices."""
held_stacks = HeldStacks()
volumes = VolumeCache(MAX_BYTES)


@dataclass(frozen=True)
class Answer:
    """A picture, or without one the account alone."""

    told: Told
    content: bytes = b""


@contextmanager
def held_volume(archive: Archive, held: Held, stack: Stack) -> Iterator[Volume]:
    """The volume in memory while the context lasts. Raises what `Loading` and `VolumeCache.hold` raise."""
    loading = Loading(stack)
    key = (held.key, held.stacks.index(stack))
    with volumes.hold(key, loading.bytes_needed, lambda: loading.run(frame_reader(archive))) as volume:
        yield volume


def held_and_stack(caller: Caller, target: Target, asked: Asked) -> tuple[Held, Stack]:
    """What is meant. Raises as `HeldStacks.get` and `chosen_stack`."""
    held = held_stacks.get(caller, target)
    return held, chosen_stack(held.stacks, asked.references, asked.matches)


def mpr(archive: Archive, held: Held, stack: Stack, asked: Asked) -> Answer:
    """PS3.18 10.4.1.1.7."""
    method = asked.method or "AVERAGE_IP"
    if method == "VOLUME_RENDERED":
        raise Invalid("an MPR is a projection, not volume rendered", parameter="renderingmethod")
    if asked.swivel is not None:
        raise Invalid("only 3-D renderings swivel", parameter="swivelrange")
    with held_volume(archive, held, stack) as volume:
        return _mpr_of(volume, asked, method)


def _mpr_of(volume: Volume, asked: Asked, method: Method) -> Answer:
    view = asked_view(volume.grid, asked)
    options = asked.rendering.options
    plane, size = shown_plane(view_plane(volume.grid, view), asked.rendering)
    window = options.window or volume.window
    told = Told(
        "MPR",
        method,
        view,
        scaled(plane, size),
        volume.grid.frame_of_reference_uid,
        window,
        asked.slab_mm,
        _offsets(volume, view),
        notices=volume.notices,
    )
    if asked.metadata_only:
        return Answer(told)
    values = mpr_values(volume, plane, asked.slab_mm or 0.0, method)
    image = fitted(Image.fromarray(grey(values, window, inverse=volume.inverse)), size)
    return Answer(told, encoded(image, options))


def _offsets(volume: Volume, view: View) -> tuple[float, float, float, float]:
    """Of the plane from the volume's middle, and where planes begin, end, and how far they are apart."""
    grid = volume.grid
    now = float((view.look_at - grid.centre) @ view.forward)
    first, last = depth_range(grid, view)
    axes = np.array(grid.axes) @ view.forward
    step = grid.voxel_mm[int(np.argmax(np.abs(axes)))]
    return now, now + first, now + last, step

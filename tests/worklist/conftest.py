"""Fixtures of the worklist's tests."""

from __future__ import annotations

import pytest
from reading_world import World

from storage.archive import Archive


@pytest.fixture
def world(archive: Archive) -> World:
    """An archive without studies."""
    return World(archive)


@pytest.fixture
def asked(world: World) -> World:
    """One quiet study of Kashi, whose request opened by itself."""
    world.receive()
    world.settle()
    return world

"""Two stacks and a cable, in virtual time."""

from __future__ import annotations

import pytest

from .world import Net, World, cable


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ends(world: World) -> tuple[Net, Net]:
    return cable(world)

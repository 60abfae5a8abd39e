"""Descriptor table: the lowest free number first, files closed with their last descriptor."""

from __future__ import annotations

import errno

import pytest

from usernet.sockets.const import FD_BASE
from usernet.sockets.table import FdTable

from .world import Flag, World


def test_numbers_begin_where_no_kernel_descriptor_can_be(world: World) -> None:
    assert world.fds.open(Flag(world)) == FD_BASE
    assert world.fds.open(Flag(world)) == FD_BASE + 1


def test_the_lowest_free_number_is_taken_first(world: World) -> None:
    fds = [world.fds.open(Flag(world)) for _ in range(4)]
    world.fds.close(fds[2])
    world.fds.close(fds[1])
    assert [world.fds.open(Flag(world)) for _ in range(3)] == [fds[1], fds[2], fds[3] + 1]


def test_a_file_closes_with_its_last_descriptor(world: World) -> None:
    file = Flag(world)
    fd = world.fds.open(file)
    twin = world.fds.dup(fd)
    world.fds.close(fd)
    assert not file.closed
    assert world.fds.get(twin) is file
    world.fds.close(twin)
    assert file.closed
    file.close()


@pytest.mark.parametrize("call", ["get", "close", "dup"])
def test_what_is_not_open_is_ebadf(world: World, call: str) -> None:
    with pytest.raises(OSError) as caught:
        getattr(world.fds, call)(FD_BASE)
    assert caught.value.errno == errno.EBADF


def test_the_table_is_bounded(world: World) -> None:
    fds = FdTable(limit=2)
    fd = fds.open(Flag(world))
    fds.open(Flag(world))
    for full in (lambda: fds.open(Flag(world)), lambda: fds.dup(fd)):
        with pytest.raises(OSError) as caught:
            full()
        assert caught.value.errno == errno.EMFILE


def test_a_finalizer_closes_at_once_when_the_lock_is_free(world: World) -> None:
    file = Flag(world)
    world.fds.abandon(world.fds.open(file))
    assert file.closed


def test_a_finalizer_never_waits_for_the_lock(world: World) -> None:
    file = Flag(world)
    fd = world.fds.open(file)
    with world.lock:
        world.fds.abandon(fd)
        assert not file.closed
    world.fds.open(Flag(world))
    assert file.closed
    assert len(world.fds) == 1


def test_iteration_lists_what_is_open(world: World) -> None:
    files = [Flag(world) for _ in range(3)]
    assert [(world.fds.open(file), file) for file in files] == list(world.fds)

"""epoll(7), compared with what Linux's fs/eventpoll.c does."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from usernet.core.const import MS, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from usernet.sockets.const import EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, POLLRDNORM
from usernet.sockets.epoll import Epoll

from .world import Flag, World


@pytest.fixture
def epoll(world: World) -> Epoll:
    return Epoll(world)


def opened(world: World, level: int = 0) -> tuple[Flag, int]:
    flag = Flag(world)
    flag.level = level
    return flag, world.fds.open(flag)


def test_level_triggered_reports_as_long_as_it_holds(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLIN)
    assert epoll.wait(0, 10) == []
    flag.set(POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    flag.set(0)
    assert epoll.wait(0, 10) == []


def test_what_holds_at_registration_is_reported(world: World, epoll: Epoll) -> None:
    _, fd = opened(world, POLLIN | POLLOUT)
    epoll.register(fd, POLLOUT)
    assert epoll.wait(0, 10) == [(fd, POLLOUT)]


def test_edge_triggered_reports_once_an_edge(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLIN | EPOLLET)
    flag.set(POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    assert epoll.wait(0, 10) == []
    flag.edge(POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]


def test_modify_arms_edge_and_oneshot_again(world: World, epoll: Epoll) -> None:
    _, fd = opened(world, POLLIN)
    epoll.register(fd, POLLIN | EPOLLET)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    epoll.modify(fd, POLLIN | EPOLLET)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    epoll.modify(fd, POLLIN | EPOLLONESHOT)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    assert epoll.wait(0, 10) == []
    epoll.modify(fd, POLLIN | EPOLLONESHOT)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]


def test_a_spent_oneshot_reports_not_even_hangup(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world, POLLIN)
    epoll.register(fd, POLLIN | EPOLLONESHOT)
    epoll.wait(0, 10)
    flag.set(POLLIN | POLLHUP)
    assert epoll.wait(0, 10) == []


def test_error_and_hangup_are_reported_unasked(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLOUT)
    flag.set(POLLERR | POLLHUP | POLLRDHUP)
    assert epoll.wait(0, 10) == [(fd, POLLERR | POLLHUP)]


def test_pollin_has_a_second_name(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLRDNORM)
    flag.set(POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLRDNORM)]


def test_maxevents_serves_everybody_in_turn(world: World, epoll: Epoll) -> None:
    fds = [opened(world, POLLIN)[1] for _ in range(5)]
    for fd in fds:
        epoll.register(fd, POLLIN)
    seen = [fd for _ in range(5) for fd, _ in epoll.wait(0, 2)]
    assert len(seen) == 10
    assert {seen.count(fd) for fd in fds} == {2}


def test_a_level_triggered_item_is_reported_once_a_call(world: World, epoll: Epoll) -> None:
    _, fd = opened(world, POLLIN)
    epoll.register(fd, POLLIN)
    assert epoll.wait(0, 100) == [(fd, POLLIN)]


def test_waits_until_the_first_event(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLIN)
    start = world.now()
    world.at(5 * MS, lambda: flag.set(POLLIN))
    assert epoll.wait(-1, 10) == [(fd, POLLIN)]
    assert world.now() == start + 5 * MS


def test_waits_no_longer_than_the_timeout(world: World, epoll: Epoll) -> None:
    _, fd = opened(world)
    epoll.register(fd, POLLIN)
    start = world.now()
    assert epoll.wait(7 * MS, 10) == []
    assert world.now() == start + 7 * MS


def test_a_wake_whose_level_is_gone_does_not_end_the_wait(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLIN)
    world.at(1 * MS, lambda: flag.edge(POLLIN))
    world.at(3 * MS, lambda: flag.set(POLLIN))
    start = world.now()
    assert epoll.wait(-1, 10) == [(fd, POLLIN)]
    assert world.now() == start + 3 * MS


def test_closing_the_last_descriptor_drops_the_registration_silently(world: World, epoll: Epoll) -> None:
    _, fd = opened(world, POLLIN)
    epoll.register(fd, POLLIN)
    world.fds.close(fd)
    assert epoll.wait(0, 10) == []
    assert len(epoll) == 0
    with pytest.raises(OSError) as caught:
        epoll.unregister(fd)
    assert caught.value.errno == errno.EBADF


def test_a_reused_number_is_not_registered(world: World, epoll: Epoll) -> None:
    _, fd = opened(world)
    epoll.register(fd, POLLIN)
    world.fds.close(fd)
    _, again = opened(world)
    assert again == fd
    with pytest.raises(FileNotFoundError):
        epoll.unregister(again)
    epoll.register(again, POLLIN)


def test_a_dup_keeps_the_registration_under_its_old_number(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    twin = world.fds.dup(fd)
    epoll.register(fd, POLLIN)
    world.fds.close(fd)
    flag.set(POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    _, other = opened(world, POLLOUT)
    assert other == fd
    epoll.register(other, POLLOUT)
    assert sorted(epoll.wait(0, 10)) == [(fd, POLLIN), (fd, POLLOUT)]
    world.fds.close(twin)
    assert epoll.wait(0, 10) == [(fd, POLLOUT)]


def test_a_dup_is_registered_on_its_own(world: World, epoll: Epoll) -> None:
    _, fd = opened(world, POLLIN)
    twin = world.fds.dup(fd)
    epoll.register(fd, POLLIN)
    epoll.register(twin, POLLIN)
    assert sorted(epoll.wait(0, 10)) == [(fd, POLLIN), (twin, POLLIN)]


@pytest.mark.parametrize(
    ("err", "call"),
    [
        (errno.EBADF, lambda epoll, fd: epoll.register(fd + 1, POLLIN)),
        (errno.EEXIST, lambda epoll, fd: (epoll.register(fd, POLLIN), epoll.register(fd, POLLIN))),
        (errno.ENOENT, lambda epoll, fd: epoll.modify(fd, POLLIN)),
        (errno.ENOENT, lambda epoll, fd: epoll.unregister(fd)),
        (errno.EINVAL, lambda epoll, fd: epoll.wait(0, 0)),
        (errno.EINVAL, lambda epoll, fd: epoll.register(fd, POLLRDHUP | EPOLLEXCLUSIVE)),
        (errno.EINVAL, lambda epoll, fd: (epoll.register(fd, POLLIN), epoll.modify(fd, EPOLLEXCLUSIVE))),
        (errno.EINVAL, lambda epoll, fd: epoll.register(epoll.host.fds.open(epoll), POLLIN)),
        (errno.EBADF, lambda epoll, fd: (epoll.close(), epoll.register(fd, POLLIN))),
        (errno.EBADF, lambda epoll, fd: (epoll.close(), epoll.wait(0, 1))),
    ],
)
def test_epoll_ctl_errors(world: World, epoll: Epoll, err: int, call: object) -> None:
    _, fd = opened(world)
    with pytest.raises(OSError) as caught:
        call(epoll, fd)  # type: ignore[operator]
    assert caught.value.errno == err


def test_closing_it_wakes_who_waits(world: World, epoll: Epoll) -> None:
    world.at(1 * MS, epoll.close)
    with pytest.raises(OSError) as caught:
        epoll.wait(-1, 1)
    assert caught.value.errno == errno.EBADF


def test_closing_it_leaves_no_watcher_behind(world: World, epoll: Epoll) -> None:
    flag, fd = opened(world)
    epoll.register(fd, POLLIN)
    epoll.close()
    assert not flag.watchers


def test_cost_is_that_of_the_ready(world: World, epoll: Epoll) -> None:
    polls = []

    class Counted(Flag):
        def poll(self) -> int:
            polls.append(self)
            return super().poll()

    files = [Counted(world) for _ in range(1000)]
    fds = [world.fds.open(file) for file in files]
    for fd in fds:
        epoll.register(fd, POLLIN)
    files[7].set(POLLIN)
    polls.clear()
    assert epoll.wait(0, 10) == [(fds[7], POLLIN)]
    assert len(polls) == 1


# Kernel descriptors.


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_kernel_descriptors_stand_beside_ours(world: World, epoll: Epoll, pipe: tuple[int, int]) -> None:
    _, fd = opened(world, POLLIN)
    epoll.register(pipe[0], POLLIN)
    epoll.register(fd, POLLIN)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]
    os.write(pipe[1], b"x")
    world.fd_ready(pipe[0], POLLIN)
    assert sorted(epoll.wait(0, 10)) == [(pipe[0], POLLIN), (fd, POLLIN)]
    assert sorted(epoll.wait(0, 10)) == [(pipe[0], POLLIN), (fd, POLLIN)]
    os.read(pipe[0], 1)
    assert epoll.wait(0, 10) == [(fd, POLLIN)]


def test_a_kernel_descriptor_ready_at_registration(world: World, epoll: Epoll, pipe: tuple[int, int]) -> None:
    epoll.register(pipe[1], POLLOUT)
    assert epoll.wait(0, 10) == [(pipe[1], POLLOUT)]


def test_the_host_polls_a_kernel_descriptor_only_while_it_is_not_ready(
    world: World, epoll: Epoll, pipe: tuple[int, int]
) -> None:
    epoll.register(pipe[0], POLLIN)
    assert world.watched[pipe[0]]
    os.write(pipe[1], b"x")
    world.fd_ready(pipe[0], POLLIN)
    assert not world.watched[pipe[0]]
    assert epoll.wait(0, 10) == [(pipe[0], POLLIN)]
    os.read(pipe[0], 1)
    assert epoll.wait(0, 10) == []
    assert world.watched[pipe[0]]
    epoll.unregister(pipe[0])
    assert not world.watched[pipe[0]]


def test_modify_changes_what_is_wanted_of_a_kernel_descriptor(
    world: World, epoll: Epoll, pipe: tuple[int, int]
) -> None:
    epoll.register(pipe[1], 0)
    assert epoll.wait(0, 10) == []
    epoll.modify(pipe[1], POLLOUT)
    assert epoll.wait(0, 10) == [(pipe[1], POLLOUT)]


def test_a_regular_file_is_refused(epoll: Epoll, tmp_path: object) -> None:
    with open(f"{tmp_path}/f", "w") as file, pytest.raises(PermissionError):
        epoll.register(file.fileno(), POLLIN)


def test_a_closed_kernel_descriptor_is_refused(epoll: Epoll) -> None:
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    with pytest.raises(OSError) as caught:
        epoll.register(read, POLLIN)
    assert caught.value.errno == errno.EBADF


class Model(RuleBasedStateMachine):
    """Epoll against the definition: level-triggered is what holds, edge-triggered what was woken since."""

    EVENTS = st.sampled_from([POLLIN, POLLOUT, POLLIN | POLLOUT])
    MODES = st.sampled_from([0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT])
    WHICH = st.integers(0, 4)

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.epoll = Epoll(self.world)
        self.flags: list[Flag] = []
        self.fds: list[int] = []
        for _ in range(5):
            flag, fd = opened(self.world)
            self.flags.append(flag)
            self.fds.append(fd)
        self.wanted: dict[int, int] = {}
        self.armed: set[int] = set()
        self.edges: set[int] = set()

    def reportable(self, i: int) -> int:
        if i not in self.armed:
            return 0
        return self.flags[i].level & (self.wanted[i] | POLLERR | POLLHUP) & 0xFFFF

    def arm(self, i: int, events: int) -> None:
        self.wanted[i] = events
        self.armed.add(i)
        self.edges.discard(i)
        if self.reportable(i):
            self.edges.add(i)

    @rule(i=WHICH, events=EVENTS, mode=MODES)
    def register(self, i: int, events: int, mode: int) -> None:
        if i in self.wanted:
            with pytest.raises(FileExistsError):
                self.epoll.register(self.fds[i], events | mode)
        else:
            self.epoll.register(self.fds[i], events | mode)
            self.arm(i, events | mode)

    @rule(i=WHICH, events=EVENTS, mode=MODES)
    def modify(self, i: int, events: int, mode: int) -> None:
        if i not in self.wanted:
            with pytest.raises(FileNotFoundError):
                self.epoll.modify(self.fds[i], events | mode)
        else:
            # Linux keeps an item on the ready list over EPOLL_CTL_MOD; whether it is reported is asked of the level.
            was = i in self.edges
            self.epoll.modify(self.fds[i], events | mode)
            self.arm(i, events | mode)
            if was:
                self.edges.add(i)

    @rule(i=WHICH)
    def unregister(self, i: int) -> None:
        if i in self.wanted:
            self.epoll.unregister(self.fds[i])
            del self.wanted[i]
            self.armed.discard(i)
            self.edges.discard(i)

    @rule(i=WHICH, level=st.sampled_from([0, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLHUP, POLLERR]))
    def change(self, i: int, level: int) -> None:
        rising = level & ~self.flags[i].level
        self.flags[i].set(level)
        if i in self.armed and rising & (self.wanted[i] | POLLERR | POLLHUP):
            self.edges.add(i)

    @rule(i=WHICH)
    def close_and_open(self, i: int) -> None:
        self.world.fds.close(self.fds[i])
        self.flags[i], fd = opened(self.world)
        assert fd == self.fds[i]
        self.wanted.pop(i, None)
        self.armed.discard(i)
        self.edges.discard(i)

    @rule()
    def collect(self) -> None:
        expected = {}
        for i in list(self.armed):
            events = self.reportable(i)
            edge = self.wanted[i] & EPOLLET
            if events and (i in self.edges or not edge):
                expected[self.fds[i]] = events
                if self.wanted[i] & EPOLLONESHOT:
                    self.armed.discard(i)
            if edge or not events:
                self.edges.discard(i)
        assert dict(self.epoll.wait(0, 100)) == expected

    @invariant()
    def readable_exactly_when_something_is_reportable(self) -> None:
        if hasattr(self, "epoll"):
            ready = any(self.reportable(i) and (i in self.edges or not self.wanted[i] & EPOLLET) for i in self.armed)
            before = set(self.edges)
            assert bool(self.epoll.poll()) == ready
            if not ready:
                # Asking dropped what is no longer ready, as ep_item_poll does.
                self.edges -= {i for i in before if not self.reportable(i)}


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40)


def test_a_kernel_descriptor_closed_without_unregistering_is_forgotten(
    world: World, epoll: Epoll, pipe: tuple[int, int]
) -> None:
    reader = os.dup(pipe[0])
    epoll.register(reader, POLLIN)
    os.write(pipe[1], b"x")
    world.fd_ready(reader, POLLIN)
    assert epoll.wait(0, 10) == [(reader, POLLIN)]
    # The last descriptor of this end: Linux's epoll forgets it with that.
    os.dup2(pipe[1], reader)
    os.read(pipe[0], 1)
    other = os.pipe()
    try:
        os.dup2(other[0], reader)
        os.write(other[1], b"for somebody else")
        assert epoll.wait(0, 10) == []
        assert not world.watched[reader]
        with pytest.raises(OSError) as caught:
            epoll.modify(reader, POLLIN)
        assert caught.value.errno == errno.ENOENT
        epoll.register(reader, POLLIN)
        assert epoll.wait(0, 10) == [(reader, POLLIN)]
    finally:
        for fd in (reader, *other):
            os.close(fd)


def test_a_closed_kernel_descriptor_does_not_fail_the_wait_for_others(
    world: World, epoll: Epoll, pipe: tuple[int, int]
) -> None:
    other = os.pipe()
    epoll.register(other[0], POLLIN)
    os.write(other[1], b"x")
    world.fd_ready(other[0], POLLIN)
    os.close(other[0])
    os.close(other[1])
    epoll.register(pipe[1], POLLOUT)
    assert epoll.wait(0, 10) == [(pipe[1], POLLOUT)]

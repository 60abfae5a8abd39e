"""The wait: who drives, who follows, and what virtual time does (docs/design/0002)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from usernet.core.const import MS, NEVER, POLLHUP, POLLIN, SECOND
from usernet.core.ready import Pollable
from usernet.core.scheduler import FdWatcher, Lock
from usernet.core.timers import Timer, TimerOwner
from usernet.host import Host, current_stack, set_default_stack

# Seconds that another thread may take on a busy machine.
JOIN = 200


class Flag(Pollable):
    """A source whose level the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.level = 0

    def poll(self) -> int:
        return self.level

    def raise_level(self, events: int) -> None:
        self.level |= events
        self.wake(events)


class Alarmclock(TimerOwner):
    """Calls the test when its timer expires."""

    def __init__(self, call: Callable[[int], None]) -> None:
        self.call = call

    def timer_expired(self, kind: int, now: int) -> None:
        self.call(now)


class Pipe(FdWatcher):
    """Reads a kernel pipe and raises a flag."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag

    def fd_ready(self, fd: int, events: int, now: int) -> None:
        os.read(fd, 100)
        self.flag.raise_level(POLLIN)


@pytest.fixture
def sim() -> Iterator[Host]:
    host = Host("sim", seed=1)
    yield host
    host.close()


@pytest.fixture
def realtime() -> Iterator[Host]:
    host = Host("realtime")
    yield host
    host.close()


def after(host: Host, delay_ns: int, call: Callable[[int], None]) -> None:
    Timer(host.timers, Alarmclock(call), 0).arm(host.now() + delay_ns)


def test_a_condition_that_holds_returns_at_once(sim: Host) -> None:
    flag = Flag()
    flag.level = POLLIN
    with sim.lock:
        assert sim.wait(flag, POLLIN, NEVER)
    assert sim.now() == 0


def test_hangup_and_error_end_every_wait(sim: Host) -> None:
    flag = Flag()
    flag.level = POLLHUP
    with sim.lock:
        assert sim.wait(flag, POLLIN, NEVER)


def test_virtual_time_jumps_to_the_deadline(sim: Host) -> None:
    with sim.lock:
        assert not sim.wait(Flag(), POLLIN, 3600 * SECOND)
    assert sim.now() == 3600 * SECOND


def test_virtual_time_stops_at_every_timer_on_the_way(sim: Host) -> None:
    seen: list[int] = []
    flag = Flag()
    after(sim, 5 * MS, seen.append)
    after(sim, 2 * MS, seen.append)
    after(sim, 9 * MS, lambda now: flag.raise_level(POLLIN))
    with sim.lock:
        assert sim.wait(flag, POLLIN, SECOND)
    assert seen == [2 * MS, 5 * MS]
    assert sim.now() == 9 * MS


def test_a_simulation_in_which_nothing_can_happen_says_so(sim: Host) -> None:
    with sim.lock, pytest.raises(OSError, match="nothing left to do"):
        sim.wait(Flag(), POLLIN, NEVER)


def test_a_simulation_needs_a_seed() -> None:
    with pytest.raises(ValueError, match="seed"):
        Host("sim")


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="live, realtime, sim"):
        Host("dream", seed=1)


def test_a_kernel_descriptor_is_served_between_two_instants(sim: Host) -> None:
    r, w = os.pipe()
    flag = Flag()
    sim.watch_fd(r, POLLIN, Pipe(flag))
    os.write(w, b"x")
    with sim.lock:
        assert sim.wait(flag, POLLIN, 10 * SECOND)
    assert sim.now() == 0
    os.close(r)
    os.close(w)


def test_a_descriptor_closed_and_reused_under_the_same_number_is_polled_again(realtime: Host) -> None:
    for _ in range(2):
        r, w = os.pipe()
        flag = Flag()
        watcher = Pipe(flag)
        with realtime.lock:
            realtime.watch_fd(r, POLLIN, watcher)
            os.write(w, b"x")
            assert realtime.wait(flag, POLLIN, NEVER)
            os.close(r)
            os.close(w)
            realtime.unwatch_fd(r, watcher)


def test_a_regular_file_cannot_be_watched(realtime: Host) -> None:
    with open(__file__) as file, pytest.raises(PermissionError):
        realtime.watch_fd(file.fileno(), POLLIN, Pipe(Flag()))


def test_a_wait_whose_deadline_has_passed_still_looks_once(realtime: Host) -> None:
    r, w = os.pipe()
    flag = Flag()
    with realtime.lock:
        realtime.watch_fd(r, POLLIN, Pipe(flag))
        os.write(w, b"x")
        assert realtime.wait(flag, POLLIN, 0)
    os.close(r)
    os.close(w)


def test_a_closed_host_ends_the_wait(realtime: Host) -> None:
    realtime.close()
    with realtime.lock, pytest.raises(OSError, match="closed"):
        realtime.wait(Flag(), POLLIN, NEVER)


def test_followers_are_woken_when_their_condition_holds_and_one_takes_over(realtime: Host) -> None:
    flags = [Flag() for _ in range(4)]
    results: list[int] = []

    def waiter(i: int) -> None:
        with realtime.lock:
            assert realtime.wait(flags[i], POLLIN, NEVER)
            results.append(i)

    threads = [threading.Thread(target=waiter, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i, flag in enumerate(flags):
        # Each flag rises from a timer, which only a driver runs: somebody must have taken over.
        with realtime.lock:
            after(realtime, MS, lambda now, flag=flag: flag.raise_level(POLLIN))
        threads[i].join(JOIN)
        assert not threads[i].is_alive()
    assert sorted(results) == [0, 1, 2, 3]


def test_an_earlier_timer_armed_by_another_thread_cuts_the_sleep_short(realtime: Host) -> None:
    flag = Flag()
    done = threading.Event()

    def waiter() -> None:
        with realtime.lock:
            realtime.wait(flag, POLLIN, realtime.now() + 600 * SECOND)
        done.set()

    thread = threading.Thread(target=waiter)
    thread.start()
    with realtime.lock:
        after(realtime, 5 * MS, lambda now: flag.raise_level(POLLIN))
    assert done.wait(JOIN)
    thread.join()


def test_the_background_driver_runs_timers_while_nobody_waits(realtime: Host) -> None:
    r, w = os.pipe()
    realtime.watch_fd(r, POLLIN, Pipe(Flag()))
    rang = threading.Event()
    with realtime.lock:
        after(realtime, MS, lambda now: rang.set())
    assert rang.wait(JOIN)
    # And again after it has gone to sleep without any deadline.
    rang.clear()
    with realtime.lock:
        after(realtime, 30 * MS, lambda now: rang.set())
    assert rang.wait(JOIN)
    os.close(r)
    os.close(w)


def test_an_engine_error_in_one_watcher_does_not_stop_the_others(
    realtime: Host, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken(FdWatcher):
        def fd_ready(self, fd: int, events: int, now: int) -> None:
            os.read(fd, 100)
            raise RuntimeError("broken")

    r, w = os.pipe()
    flag = Flag()
    with realtime.lock:
        realtime.watch_fd(r, POLLIN, Broken())
        after(realtime, 5 * MS, lambda now: flag.raise_level(POLLIN))
        os.write(w, b"x")
        assert realtime.wait(flag, POLLIN, NEVER)
    assert "please report" in capfd.readouterr().err
    os.close(r)
    os.close(w)


class InterruptedLock(Lock):
    """A lock for which somebody presses Ctrl-C just when a wait takes it back."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self.released = 0

    def acquire(self) -> None:
        if self.released == 1:
            self.released += 1
            raise KeyboardInterrupt
        self.lock.acquire()

    def is_owned(self) -> bool:
        return self.lock.is_owned()

    def release(self) -> None:
        self.released += 1
        self.lock.release()


@pytest.mark.parametrize("follow", [False, True])
def test_ctrl_c_while_a_wait_takes_its_lock_back_leaves_the_lock_with_the_caller(realtime: Host, follow: bool) -> None:
    before = realtime.lock
    lock = InterruptedLock(before)
    enough = Flag()
    driver = threading.Thread(target=lambda: waits(realtime, enough, -1), daemon=True)
    if follow:
        driver.start()
        until_asleep(realtime)
    realtime.lock = lock
    before.acquire()
    with pytest.raises(KeyboardInterrupt):
        realtime.wait(Flag(), POLLIN, realtime.now() + 10 * MS)
    before.release()  # raises when it is not ours
    realtime.lock = before
    if follow:
        with realtime.lock:
            after(realtime, 0, lambda now: enough.raise_level(POLLIN))
        driver.join(JOIN)
        assert not driver.is_alive()


def waits(host: Host, source: Pollable, span_ns: int) -> bool:
    with host.lock:
        return host.wait(source, POLLIN, NEVER if span_ns < 0 else host.now() + span_ns)


def until_asleep(host: Host) -> None:
    pause = threading.Event()
    while host.timers.slept_until < 0:
        pause.wait(0.001)


def test_a_timer_that_fails_is_reported_and_the_wait_goes_on(sim: Host, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(now: int) -> None:
        raise ValueError("broken")

    after(sim, MS, fail)
    assert not waits(sim, Flag(), 5 * MS)
    assert sim.now() == 5 * MS
    assert "ValueError: broken" in capfd.readouterr().err


def test_a_timer_a_thousand_years_away_does_not_overflow_the_kernel(
    realtime: Host, capfd: pytest.CaptureFixture[str]
) -> None:
    read_end, write_end = os.pipe()
    flag = Flag()
    after(realtime, 4_000_000 * SECOND, lambda now: None)
    with realtime.lock:
        realtime.watch_fd(read_end, POLLIN, Pipe(flag))
    try:
        # The background driver sleeps first, then a thread.
        until_asleep(realtime)
        os.write(write_end, b"x")
        with realtime.lock:
            assert realtime.wait(flag, POLLIN, realtime.now() + 10_000_000 * SECOND)
    finally:
        os.close(read_end)
        os.close(write_end)
    assert capfd.readouterr().err == ""


def test_who_takes_over_from_the_background_driver_is_not_rung_for_himself(realtime: Host) -> None:
    read_end, write_end = os.pipe()
    with realtime.lock:
        realtime.watch_fd(read_end, POLLIN, Pipe(Flag()))
    until_asleep(realtime)
    try:
        with realtime.lock:
            realtime.wait(Flag(), POLLIN, realtime.now())
            assert realtime.timers.slept_until == -1
    finally:
        os.close(read_end)
        os.close(write_end)


def test_in_a_simulation_time_stops_at_the_deadlines_of_all_who_wait(sim: Host) -> None:
    read_end, write_end = os.pipe()
    flag = Flag()
    with sim.lock:
        sim.watch_fd(read_end, POLLIN, Pipe(flag))
    leader = threading.Thread(target=lambda: waits(sim, flag, -1), daemon=True)
    leader.start()
    until_asleep(sim)
    try:
        assert not waits(sim, Flag(), 3600 * SECOND)
        assert sim.now() == 3600 * SECOND
    finally:
        os.write(write_end, b"x")
        leader.join(JOIN)
        os.close(read_end)
        os.close(write_end)


def test_a_closed_host_rings_no_stranger() -> None:
    host = Host("realtime")
    host.close()
    read_end, write_end = os.pipe()
    host.interrupt()
    os.set_blocking(read_end, False)
    try:
        with pytest.raises(BlockingIOError):
            os.read(read_end, 8)
    finally:
        os.close(read_end)
        os.close(write_end)


def test_threads_that_enter_no_stack_share_one() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            set_default_stack(None)
            barrier = threading.Barrier(4)
            found: list[object] = []

            def ask(barrier: threading.Barrier = barrier, found: list[object] = found) -> None:
                barrier.wait()
                found.append(current_stack())

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({id(stack) for stack in found}) == 1
    finally:
        sys.setswitchinterval(before)
        set_default_stack(None)


def test_at_exit_the_background_driver_is_gone_before_finalizers_ask_for_the_lock() -> None:
    program = """if True:
        import atexit, threading
        from usernet.host import Host
        def names():
            print([thread.name for thread in threading.enumerate()])
        atexit.register(names)
        host = Host("realtime")
        from usernet.link.loopback import Loopback
        host.add_device(Loopback())
        names()
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.stderr) == ("['MainThread', 'usernet-driver']\n['MainThread']\n", "")


def test_a_background_driver_that_leaves_hands_over_to_who_waits(realtime: Host) -> None:
    realtime._stop_background()
    flag = Flag()
    after(realtime, 5 * MS, lambda now: flag.raise_level(POLLIN))
    with realtime.lock:
        assert realtime.wait(flag, POLLIN, realtime.now() + JOIN * SECOND)

"""A host's lock: what threading.RLock promises, it keeps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from usernet.link.lock import HostLock


@pytest.fixture
def held() -> Iterator[HostLock]:
    """A lock that another thread has."""
    lock = HostLock()
    taken, end = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            end.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(30)
    yield lock
    end.set()
    holder.join(30)
    assert lock.try_acquire()


def test_it_is_free_again_after_as_many_releases_as_it_was_taken() -> None:
    lock = HostLock()
    assert not lock.is_owned()
    lock.acquire()
    with lock:
        assert lock.try_acquire()
    lock.release()
    assert lock.is_owned()
    lock.release()
    assert not lock.is_owned()


def test_another_thread_has_it_not(held: HostLock) -> None:
    assert not held.try_acquire()
    assert not held.is_owned()
    with pytest.raises(RuntimeError):
        held.release()


def test_one_that_nobody_took_is_not_given_back() -> None:
    with pytest.raises(RuntimeError):
        HostLock().release()


def test_whoever_waits_for_it_gets_it() -> None:
    lock = HostLock()
    count = 0

    def work() -> None:
        nonlocal count
        for _ in range(2000):
            with lock:
                before = count
                count = before + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert count == 8000


def test_what_a_signal_raises_ends_the_wait_for_it(held: HostLock) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(Interrupted):
            held.acquire()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not held.is_owned()

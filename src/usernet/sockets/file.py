"""Open file description: what descriptors refer to, and what is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import POLLERR, POLLHUP, POLLNVAL
from ..core.ready import Pollable, Watcher
from ..core.scheduler import Lock, Scheduler
from ..core.timers import Timers

if TYPE_CHECKING:
    import cython

CLOSED_EVENTS = POLLNVAL | POLLERR | POLLHUP


class File(Pollable):
    """Base of everything a descriptor may refer to.

    ``refs`` counts the descriptors; the last one that goes closes the file. One without descriptors is closed by
    ``close``. Watchers of a closed file are told POLLNVAL and forgotten. ``hurried``: closing waits for nothing.
    """

    __slots__ = ("closed", "host", "hurried", "refs")

    def __init__(self, host: Scheduler) -> None:
        super().__init__()
        self.host = host
        self.refs = 0
        self.closed = False
        self.hurried = False

    def close(self) -> None:
        """Close it, whoever still refers to it; a second call does nothing."""
        lock: Lock = self.host.lock
        if in_midst(self.host):
            self.host.fds.abandoned.append((-1, self))
            return
        lock.acquire()
        try:
            self.close_locked()
        finally:
            lock.release()

    def close_locked(self) -> None:
        """As close, for a caller that holds the lock."""
        watcher: Watcher
        if self.closed:
            return
        self.closed = True
        if self.watchers is not None:
            for item in list(self.watchers):
                watcher = item
                watcher.notify(self, CLOSED_EVENTS)
        self._end_sleep()
        self.release()

    def wake(self, events: cython.uint) -> None:
        """As Pollable.wake. A driver that sleeps, since this is another thread's call, looks again too."""
        Pollable.wake(self, events)
        self._end_sleep()

    def _end_sleep(self) -> None:
        timers: Timers = self.host.timers
        if timers.slept_until >= 0 and timers.alarm is not None:
            timers.alarm.ring()

    def release(self) -> None:
        """Give up what the file stands for; called once, with the lock held."""

    def poll(self) -> cython.uint:
        """The level: POLL bits that hold now."""
        return CLOSED_EVENTS if self.closed else 0


def in_midst(host: Scheduler) -> cython.bint:
    """True for a call out of the middle of our own work.

    The garbage collector may run somebody's finalizer while this thread holds the lock; it must not wait for it, nor
    change what is being worked on.
    """
    return host.lock.is_owned()

"""The host as the floors below it see it: a clock, a lock and a place to wait (DESIGN decisions 3 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .ready import Pollable
from .timers import Timers

if TYPE_CHECKING:
    import cython


class FdWatcher:
    """Base of whoever wants to hear of a kernel descriptor."""

    __slots__ = ()

    def fd_ready(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        """The descriptor has these POLL bits; called by the driver with the lock held, again while they hold."""
        raise NotImplementedError


class Lock:
    """Base of a host's lock, which knows its owner: a finalizer must not make him wait for himself."""

    __slots__ = ()

    def acquire(self) -> None:
        """Take it, once more if this thread has it already."""
        raise NotImplementedError

    def try_acquire(self) -> cython.bint:
        """As acquire, without waiting: False when another thread has it."""
        raise NotImplementedError

    def release(self) -> None:
        """Give it back, as often as it was taken. Raises RuntimeError when this thread has it not."""
        raise NotImplementedError

    def is_owned(self) -> cython.bint:
        """This thread has it."""
        raise NotImplementedError

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()


class Scheduler:
    """Base of Host. ``lock`` guards every stack of the host; whoever calls into the engine holds it.

    ``wait`` is called with the lock held and returns with it held; it is free while it blocks. ``fds`` is the host's
    descriptor table (sockets.table.FdTable), ``cookies`` the last SO_COOKIE that was given out.
    """

    __slots__ = ("cookies", "fds", "lock", "timers")

    def __init__(self, lock: Lock, fds: Any) -> None:
        self.lock = lock
        self.fds = fds
        self.cookies = 0
        self.timers = Timers()

    def now(self) -> cython.longlong:
        """The clock, in nanoseconds; virtual in a simulation."""
        raise NotImplementedError

    def wait(self, source: Pollable, events: cython.uint, deadline: cython.longlong) -> cython.bint:
        """Block until ``source.poll() & (events | POLLERR | POLLHUP)``, driving the network meanwhile.

        Returns False when the deadline (NEVER for none) passed first. KeyboardInterrupt passes through.
        """
        raise NotImplementedError

    def watch_fd(self, fd: cython.int, events: cython.uint, watcher: FdWatcher) -> None:
        """Poll a kernel descriptor with the devices (level-triggered). Each watcher of an fd gets its own events.

        A second call by the same watcher changes the events; 0 keeps the registration but asks for nothing.
        Raises OSError(EPERM) for a descriptor that cannot be polled (a regular file), EBADF for a closed one.
        """
        raise NotImplementedError

    def unwatch_fd(self, fd: cython.int, watcher: FdWatcher) -> None:
        """Stop polling it for this watcher; one that was not watching is ignored."""
        raise NotImplementedError

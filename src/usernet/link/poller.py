"""What a host's driver sleeps in, the kernel's epoll to the nanosecond (epoll_pwait2(2)), and what wakes it."""

from __future__ import annotations

import contextlib
import errno
import os
import select
from typing import TYPE_CHECKING

from ..core.timers import Alarm
from .const import LONGEST_SLEEP

if TYPE_CHECKING:
    import cython

COMPILED = not __file__.endswith(".py")
# One system call's worth of events; what does not fit stays ready for the next.
MAX_EVENTS = 64


class Poller:
    """Kernel descriptors and the events wanted of them; ``wait`` then ``fd(i)`` and ``events(i)`` read the result."""

    __slots__ = ("_epfd", "_epoll", "_ready")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._epfd = self._epoll.fileno()
        self._ready: list[tuple[int, int]] = []

    def set(self, fd: int, events: int) -> None:
        """Add a descriptor, or change what is wanted of it.

        Raises OSError: EPERM for one that cannot be polled (a regular file), EBADF for a closed one.
        """
        try:
            self._epoll.register(fd, events)
        except FileExistsError:
            self._epoll.modify(fd, events)

    def holds(self, fd: int, events: int) -> bool:
        """True while what was added under this number has not been closed; these are then the events wanted."""
        try:
            self._epoll.modify(fd, events)
        except OSError:
            return False
        return True

    def remove(self, fd: int) -> None:
        """Forget a descriptor; one that was closed meanwhile is forgotten already."""
        try:
            self._epoll.unregister(fd)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EBADF):
                raise

    def wait(self, timeout_ns: cython.longlong) -> cython.int:
        """Block until a descriptor is ready or the time has passed (negative: no limit); returns how many are.

        LONGEST_SLEEP is the longest time. A signal whose Python handler raises ends the wait with that exception;
        otherwise a signal returns 0.
        """
        if timeout_ns > LONGEST_SLEEP:
            timeout_ns = LONGEST_SLEEP
        if COMPILED:
            return epoll_wait_ns(self._epfd, timeout_ns)  # type: ignore[name-defined,no-any-return]  # noqa: F821
        self._ready = self._epoll.poll(None if timeout_ns < 0 else timeout_ns / 1e9, MAX_EVENTS)
        return len(self._ready)

    def fd(self, i: cython.int) -> cython.int:
        """The descriptor of result i of the last wait by this thread."""
        if COMPILED:
            return epoll_ready_fd(i)  # type: ignore[name-defined,no-any-return]  # noqa: F821
        return self._ready[i][0]

    def events(self, i: cython.int) -> cython.uint:
        """The POLL bits of result i."""
        if COMPILED:
            return epoll_ready_events(i)  # type: ignore[name-defined,no-any-return]  # noqa: F821
        return self._ready[i][1]

    def fileno(self) -> int:
        """The epoll's own descriptor: readable while one of its descriptors is ready."""
        return self._epfd

    def close(self) -> None:
        """Give the kernel's epoll back."""
        self._epoll.close()


class WakeUp(Alarm):
    """The eventfd that ends a driver's sleep."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def ring(self) -> None:
        """End the sleep, from any thread."""
        if self.fd >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self.fd, 1)

    def close(self) -> None:
        """Give the descriptor back; ringing is then in vain."""
        fd, self.fd = self.fd, -1
        os.close(fd)

    def clear(self) -> None:
        """Be ready to ring again."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)

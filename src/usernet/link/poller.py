"""Poller: the kernel's epoll with nanosecond timeouts, as the driver of a host waits on it (epoll_pwait2(2))."""

from __future__ import annotations

import errno
import select
from typing import TYPE_CHECKING

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

    def remove(self, fd: int) -> None:
        """Forget a descriptor; one that was closed meanwhile is forgotten already."""
        try:
            self._epoll.unregister(fd)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.EBADF):
                raise

    def wait(self, timeout_ns: cython.longlong) -> cython.int:
        """Block until a descriptor is ready or the time has passed (negative: no limit); returns how many are.

        A signal whose Python handler raises ends the wait with that exception; otherwise a signal returns 0.
        """
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

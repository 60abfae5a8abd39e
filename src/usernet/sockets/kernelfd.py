"""Kernel descriptors (pipes, real sockets) as something that can be waited for beside ours."""

from __future__ import annotations

from errno import EBADF
from typing import TYPE_CHECKING

from ..core.ready import Watcher
from ..core.scheduler import FdWatcher, Scheduler
from ..link.poller import Poller
from .errors import os_error
from .file import CLOSED_EVENTS, File

if TYPE_CHECKING:
    import cython


class KernelFile(File):
    """One kernel descriptor and the POLL bits wanted of it.

    The kernel is asked for the level each time, by an epoll of its own that forgets a descriptor its owner closed.
    The host polls the descriptor only while somebody watches and the level was last seen clear: one that is ready
    and unread must not keep the driver from sleeping.
    """

    __slots__ = ("_ear", "_poller", "events", "fd")

    def __init__(self, host: Scheduler, fd: int, events: int) -> None:
        super().__init__(host)
        self.fd = fd
        self.events = events
        self._poller = Poller()
        self._ear = _Ear(self)

    def poll(self) -> cython.uint:
        """The level now; the host listens again when it is clear."""
        if self.closed:
            return CLOSED_EVENTS
        if self._poller.wait(0) > 0:
            return self._poller.events(0)
        if self.watchers and not self._ear.listening and not self.is_forgotten():
            self._ear.listen()
        return 0

    def is_forgotten(self) -> bool:
        """True once the descriptor was closed by its owner: what has its number now is not what was asked for."""
        return not self._poller.holds(self.fd, self.events)

    def watch(self, watcher: Watcher) -> None:
        """As Pollable.watch. Raises OSError: EPERM for what cannot be polled (a regular file), EBADF."""
        try:
            if self._poller.fileno() == self.fd:
                raise os_error(EBADF)  # its number was free when the poller took it: the descriptor is closed
            self._poller.set(self.fd, self.events)
            self._ear.listen()
        except OSError:
            self._poller.close()
            raise
        super().watch(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """As Pollable.unwatch; the last watcher gives the kernel's epoll back."""
        super().unwatch(watcher)
        if not self.watchers:
            self.close_locked()

    def want(self, events: int) -> None:
        """Change the bits wanted. Raises OSError(EBADF) when the descriptor was closed meanwhile."""
        self._ear.rest()
        self._poller.set(self.fd, events)
        self.events = events
        self._ear.listen()

    def release(self) -> None:
        """The descriptor itself is its owner's."""
        self._ear.rest()
        self._poller.close()


class _Ear(FdWatcher):
    """The host tells it of a ready descriptor once, until it listens again."""

    __slots__ = ("file", "listening")

    def __init__(self, file: KernelFile) -> None:
        self.file = file
        self.listening = False

    def listen(self) -> None:
        if not self.listening:
            self.file.host.watch_fd(self.file.fd, self.file.events, self)
            self.listening = True

    def rest(self) -> None:
        if self.listening:
            self.listening = False
            self.file.host.unwatch_fd(self.file.fd, self)

    def fd_ready(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        self.rest()
        self.file.wake(events)

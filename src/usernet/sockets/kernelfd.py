"""Kernel descriptors (pipes, real sockets) as something that can be waited for beside ours."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..core.const import POLLNVAL
from ..core.ready import Watcher
from ..core.scheduler import FdWatcher, Scheduler
from .file import CLOSED_EVENTS, File

if TYPE_CHECKING:
    import cython


class KernelFile(File):
    """One kernel descriptor and the POLL bits wanted of it.

    The kernel is asked for the level each time. The host polls the descriptor only while somebody watches and the
    level was last seen clear: a descriptor that is ready and unread must not keep the driver from sleeping.
    """

    __slots__ = ("_ear", "events", "fd")

    def __init__(self, host: Scheduler, fd: int, events: int) -> None:
        super().__init__(host)
        self.fd = fd
        self.events = events
        self._ear = _Ear(self)

    def poll(self) -> cython.uint:
        """The level now; the host listens again when it is clear."""
        if self.closed:
            return CLOSED_EVENTS
        level = self.host.poll_fd(self.fd, self.events)
        if not level and self.watchers:
            self._listen()
        return level

    def watch(self, watcher: Watcher) -> None:
        """As Pollable.watch. Raises OSError: EPERM for what cannot be polled, EBADF."""
        super().watch(watcher)
        try:
            self._ear.listen(self.host, self.fd, self.events)
        except OSError:
            super().unwatch(watcher)
            raise

    def unwatch(self, watcher: Watcher) -> None:
        """As Pollable.unwatch."""
        super().unwatch(watcher)
        if not self.watchers:
            self._ear.rest(self.host, self.fd)

    def want(self, events: int) -> None:
        """Change the bits wanted. Raises OSError(EBADF) when the descriptor was closed meanwhile."""
        self.events = events
        self._ear.rest(self.host, self.fd)
        self._ear.listen(self.host, self.fd, events)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # closed meanwhile: poll_fd says so
            self._ear.listen(self.host, self.fd, self.events)

    def release(self) -> None:
        """The descriptor itself is its owner's."""
        self._ear.rest(self.host, self.fd)


class _Ear(FdWatcher):
    """The host tells it of a ready descriptor once, until it listens again."""

    __slots__ = ("file", "listening")

    def __init__(self, file: KernelFile) -> None:
        self.file = file
        self.listening = False

    def listen(self, host: Scheduler, fd: int, events: int) -> None:
        if not self.listening:
            host.watch_fd(fd, events, self)
            self.listening = True

    def rest(self, host: Scheduler, fd: int) -> None:
        if self.listening:
            self.listening = False
            host.unwatch_fd(fd, self)

    def fd_ready(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        self.rest(self.file.host, fd)
        if events & POLLNVAL:
            self.file.close_locked()
        else:
            self.file.wake(events)

"""Wait for any of many descriptors, once: what select(2) and poll(2) do."""

from __future__ import annotations

from collections.abc import Mapping
from select import poll as kernel_poll
from typing import TYPE_CHECKING, Any

from ..core.const import NEVER, POLLERR, POLLHUP, POLLIN, POLLNVAL
from ..core.ready import Nothing, Pollable, Watcher
from ..core.scheduler import FdWatcher
from ..sockets.const import FD_BASE

if TYPE_CHECKING:
    import cython

ALWAYS = POLLERR | POLLHUP | POLLNVAL


class Asked(Pollable):
    """The descriptors of one call. It looks at ours only after one of them called, at the kernel's likewise."""

    __slots__ = ("invalid", "kernel", "ours", "stirred")

    def __init__(self, host: Any, wanted: Mapping[int, int]) -> None:
        super().__init__()
        self.ours: list[tuple[int, Pollable, int]] = []
        self.invalid: list[tuple[int, int]] = []
        self.kernel: Any = None
        self.stirred = True
        for fd, events in wanted.items():
            if fd < FD_BASE:
                if self.kernel is None:
                    self.kernel = kernel_poll()
                self.kernel.register(fd, events)
                continue
            try:
                self.ours.append((fd, host.fds.get(fd), events))
            except OSError:
                self.invalid.append((fd, POLLNVAL))

    def ready(self) -> list[tuple[int, int]]:
        """Every descriptor with something, and what."""
        found = list(self.invalid)
        for fd, pollable, events in self.ours:
            level = pollable.poll() & (events | ALWAYS)
            if level:
                found.append((fd, level))
        if self.kernel is not None:
            found += self.kernel.poll(0)
        return found

    def poll(self) -> cython.uint:
        """POLLIN when there is something."""
        if self.stirred:
            self.stirred = bool(self.ready())
        return POLLIN if self.stirred else 0

    def stir(self) -> None:
        """Look again."""
        self.stirred = True
        self.wake(POLLIN)


class Listener(Watcher):
    """Hears of files of ours."""

    __slots__ = ("asked",)

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def notify(self, source: Pollable, events: cython.uint) -> None:
        """One of them called."""
        self.asked.stir()


class KernelListener(FdWatcher):
    """Hears of descriptors of the kernel."""

    __slots__ = ("asked",)

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def fd_ready(self, fd: cython.int, events: cython.uint, now: cython.longlong) -> None:
        """One of them is ready."""
        self.asked.stir()


def wait_for_any(host: Any, wanted: Mapping[int, int], span_ns: int) -> list[tuple[int, int]]:
    """Wait until one of the descriptors has the POLL bits wanted of it; returns all that have some, and which.

    POLLERR, POLLHUP and POLLNVAL are reported whether asked for or not. Nothing when the time passed (negative: no
    limit). Takes the lock itself.
    """
    with host.lock:
        asked = Asked(host, wanted)
        # Drives once also when something is ready already: a program that only polls must not stop its own network.
        host.wait(Nothing(), 0, host.now())
        found = asked.ready()
        if found or span_ns == 0:
            return found
        listener = Listener(asked)
        kernel_listener = KernelListener(asked)
        kernel_fds = [fd for fd in wanted if fd < FD_BASE]
        try:
            for _, pollable, _ in asked.ours:
                pollable.watch(listener)
            for fd in kernel_fds:
                host.watch_fd(fd, wanted[fd], kernel_listener)
            host.wait(asked, POLLIN, NEVER if span_ns < 0 else host.now() + span_ns)
        finally:
            for _, pollable, _ in asked.ours:
                pollable.unwatch(listener)
            for fd in kernel_fds:
                host.unwatch_fd(fd, kernel_listener)
        return asked.ready()

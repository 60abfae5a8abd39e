"""poll(2) and select(2): wait for any of many, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.const import POLLERR, POLLHUP, POLLIN, POLLNVAL
from ..core.ready import Pollable, Watcher
from ..core.scheduler import Scheduler
from .const import FD_BASE
from .kernelfd import KernelFile
from .table import FdTable

if TYPE_CHECKING:
    import cython

_ALWAYS = POLLERR | POLLHUP | POLLNVAL


class _Any(Pollable):
    """Ready when one of many is; looks at them only after one of them called."""

    __slots__ = ("pairs", "stirred")

    def __init__(self, pairs: Sequence[tuple[Pollable, int]]) -> None:
        super().__init__()
        self.pairs = pairs
        self.stirred = False

    def poll(self) -> cython.uint:
        if not self.stirred:
            return 0
        self.stirred = False
        for pollable, events in self.pairs:
            if pollable.poll() & (events | _ALWAYS):
                self.stirred = True
                return POLLIN
        return 0


class _Listener(Watcher):
    __slots__ = ("any",)

    def __init__(self, any_of: _Any) -> None:
        self.any = any_of

    def notify(self, source: Pollable, events: cython.uint) -> None:
        self.any.stirred = True
        self.any.wake(POLLIN)


def pollable_of(host: Scheduler, fds: FdTable, fd: int, events: int) -> Pollable:
    """What a descriptor, ours or the kernel's, is polled as. Raises OSError(EBADF) for one of ours that is not open."""
    return fds.get(fd) if fd >= FD_BASE else KernelFile(host, fd, events)


def wait_many(host: Scheduler, pairs: Sequence[tuple[Pollable, int]], deadline: int) -> list[int]:
    """Wait until one of the (pollable, POLL bits) pairs is ready; returns what each has, 0 for nothing.

    POLLERR, POLLHUP and POLLNVAL are reported whether asked for or not. All are 0 when the deadline (NEVER: none)
    passed. Takes the lock itself. Raises OSError(EPERM) never: what cannot be polled is always ready.
    """
    with host.lock:
        found = _levels(pairs)
        if any(found):
            return found
        any_of = _Any(pairs)
        listener = _Listener(any_of)
        watched: list[Pollable] = []
        try:
            for pollable, _ in pairs:
                watched.append(pollable)
                pollable.watch(listener)
            host.wait(any_of, POLLIN, deadline)
        finally:
            for pollable in watched:
                pollable.unwatch(listener)
        return _levels(pairs)


def _levels(pairs: Sequence[tuple[Pollable, int]]) -> list[int]:
    return [pollable.poll() & (events | _ALWAYS) for pollable, events in pairs]

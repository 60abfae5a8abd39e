"""What a sender waits for: nothing while it has something to send (busy), the peer's window, or its own buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython

IDLE = 0
BUSY = 1
RWND_LIMITED = 2
SNDBUF_LIMITED = 3


class Chrono:
    """Spans in nanoseconds; of conditions that hold together the highest counts (Linux's tcp_chrono)."""

    __slots__ = ("busy", "kind", "rwnd_limited", "since", "sndbuf_limited")

    def __init__(self) -> None:
        self.kind = IDLE
        self.since = 0
        self.busy = self.rwnd_limited = self.sndbuf_limited = 0

    def start(self, kind: cython.int, now: cython.longlong) -> None:
        """A condition holds from now on."""
        if kind > self.kind:
            self.set(kind, now)

    def stop(self, kind: cython.int, has_data: cython.bint, now: cython.longlong) -> None:
        """A condition holds no more; without anything queued none does."""
        if not has_data:
            self.set(IDLE, now)
        elif kind == self.kind:
            self.set(BUSY, now)

    def set(self, kind: cython.int, now: cython.longlong) -> None:
        """From now on this is what counts."""
        span: cython.longlong = now - self.since
        if self.kind == BUSY:
            self.busy += span
        elif self.kind == RWND_LIMITED:
            self.rwnd_limited += span
        elif self.kind == SNDBUF_LIMITED:
            self.sndbuf_limited += span
        self.kind = kind
        self.since = now

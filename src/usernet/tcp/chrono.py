"""Where a sender's time goes: busy, held by the peer's window or by its own buffer, recovering from timeouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import WAIT_BUSY, WAIT_NONE, WAIT_RWND, WAIT_SNDBUF

if TYPE_CHECKING:
    import cython


class Chrono:
    """Spans in nanoseconds; of conditions that hold together the highest counts (Linux's tcp_chrono).

    ``timeouts`` are retransmission timeouts, ``timeout_recoveries`` stretches of them, ``timeout_span`` how long the
    stretches that are over took; the present one began at ``timeout_since``, 0 for none.
    """

    __slots__ = (
        "busy",
        "kind",
        "rwnd_limited",
        "since",
        "sndbuf_limited",
        "timeout_recoveries",
        "timeout_since",
        "timeout_span",
        "timeouts",
    )

    def __init__(self) -> None:
        self.kind = WAIT_NONE
        self.since = 0
        self.busy = self.rwnd_limited = self.sndbuf_limited = 0
        self.timeouts = self.timeout_recoveries = 0
        self.timeout_since = self.timeout_span = 0

    def start(self, kind: cython.int, now: cython.longlong) -> None:
        """A condition holds from now on."""
        if kind > self.kind:
            self.set(kind, now)

    def stop(self, kind: cython.int, has_data: cython.bint, now: cython.longlong) -> None:
        """A condition holds no more; without anything queued none does."""
        if not has_data:
            self.set(WAIT_NONE, now)
        elif kind == self.kind:
            self.set(WAIT_BUSY, now)

    def set(self, kind: cython.int, now: cython.longlong) -> None:
        """From now on this is what counts."""
        span: cython.longlong = now - self.since
        if self.kind == WAIT_BUSY:
            self.busy += span
        elif self.kind == WAIT_RWND:
            self.rwnd_limited += span
        elif self.kind == WAIT_SNDBUF:
            self.sndbuf_limited += span
        self.kind = kind
        self.since = now

    def timed_out(self, now: cython.longlong) -> None:
        """A retransmission timeout."""
        self.timeouts += 1
        if self.timeout_since == 0:
            self.timeout_recoveries += 1
            self.timeout_since = now

    def heard(self, now: cython.longlong) -> None:
        """Something new was acknowledged: the stretch of timeouts is over."""
        self.timeout_span += now - self.timeout_since
        self.timeout_since = 0

    def spans(self, now: int) -> tuple[int, int, int]:
        """Busy in all, of it held by the peer's window, and by our own buffer, until now."""
        extra = max(now - self.since, 0) if self.kind else 0
        rwnd = self.rwnd_limited + (extra if self.kind == WAIT_RWND else 0)
        sndbuf = self.sndbuf_limited + (extra if self.kind == WAIT_SNDBUF else 0)
        return self.busy + (extra if self.kind == WAIT_BUSY else 0) + rwnd + sndbuf, rwnd, sndbuf

"""Memory pool: every queued octet of a stack is charged here.

The counterpart of Linux's ``tcp_mem``/``udp_mem`` accounting: one fixed limit for a namespace, with a pressure
mark below it at which receivers stop growing their windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython


class MemoryPool:
    """Octets in use against a fixed limit."""

    __slots__ = ("failures", "limit", "peak", "pressure_mark", "used")

    def __init__(self, limit: cython.longlong) -> None:
        self.limit = limit
        self.pressure_mark = limit - limit // 4
        self.used = self.peak = self.failures = 0

    def charge(self, n: cython.longlong) -> cython.bint:
        """Take n octets; False, and counted, when that would pass the limit."""
        if self.used + n > self.limit:
            self.failures += 1
            return False
        self.used += n
        if self.used > self.peak:
            self.peak = self.used
        return True

    def force(self, n: cython.longlong) -> None:
        """Take n octets that must be had (a FIN, a control segment), past the limit if need be."""
        self.used += n
        if self.used > self.peak:
            self.peak = self.used

    def overdraw(self, n: cython.longlong) -> cython.bint:
        """As charge, for what a reader waits for, an eighth past the limit at most.

        What senders hold cannot bar it: it may be the peer's reading of that which would make room.
        """
        if self.used + n > self.limit + (self.limit >> 3):
            self.failures += 1
            return False
        self.force(n)
        return True

    def uncharge(self, n: cython.longlong) -> None:
        """Give n octets back."""
        self.used -= n

    def under_pressure(self) -> cython.bint:
        """True when receivers should stop growing."""
        return self.used > self.pressure_mark

"""Memory pool: every queued octet of a stack is charged here.

The counterpart of Linux's ``tcp_mem``/``udp_mem`` accounting: one fixed limit for a namespace. Past a mark below it
memory is under pressure, until it falls to a lower mark, and receivers stop growing their windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .counters import TcpExtMib

if TYPE_CHECKING:
    import cython


class MemoryPool:
    """Octets in use against a fixed limit. Pressure begins past ``pressure_mark`` and ends at ``relief_mark``.

    The marks stand to each other as Linux has them.
    """

    __slots__ = ("_pressed", "ext", "failures", "limit", "peak", "pressure_mark", "relief_mark", "used")

    def __init__(self, limit: cython.longlong, ext: TcpExtMib) -> None:
        self.ext: TcpExtMib = ext
        self.limit = limit
        self.pressure_mark = limit - limit // 4
        self.relief_mark = self.pressure_mark - self.pressure_mark // 4
        self.used = self.peak = self.failures = 0
        self._pressed = False

    def charge(self, n: cython.longlong) -> cython.bint:
        """Take n octets; False, and counted, when that would pass the limit."""
        if self.used + n > self.limit:
            self.failures += 1
            return False
        self.force(n)
        return True

    def force(self, n: cython.longlong) -> None:
        """Take n octets that must be had (a FIN, a control segment), past the limit if need be."""
        self.used += n
        if self.used > self.peak:
            self.peak = self.used
        if self.used > self.pressure_mark and not self._pressed:
            self._pressed = True
            self.ext.TCPMemoryPressures += 1

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
        if self._pressed and self.used <= self.relief_mark:
            self._pressed = False

    def under_pressure(self) -> cython.bint:
        """True when receivers should stop growing."""
        return self._pressed

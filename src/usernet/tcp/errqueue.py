"""What MSG_ERRQUEUE reads: completions of zero-copy sends and timestamps of what was sent (Linux's sk_error_queue)."""

from __future__ import annotations

from collections import deque

from ..core.counters import Counters
from ..core.pool import MemoryPool

# struct sock_extended_err's ee_origin and ee_code, and ee_info of a timestamp (include/uapi/linux/errqueue.h).
ORIGIN_TIMESTAMPING = 4
ORIGIN_ZEROCOPY = 5
CODE_ZEROCOPY_COPIED = 1
TSTAMP_SND = 0
TSTAMP_SCHED = 1
TSTAMP_ACK = 2
ENOMSG = 42
# What a report takes beside the octets it quotes: as much as a buffer without any has in Linux.
REPORT_COST = 768


class Report:
    """One entry. ``info`` and ``data`` as in struct sock_extended_err; ``payload`` is what the entry quotes.

    ``at`` is the instant of a timestamp, on the stack's clock.
    """

    __slots__ = ("at", "code", "data", "err", "info", "origin", "payload")

    def __init__(self, origin: int, code: int, err: int, info: int, data: int, at: int, payload: bytes) -> None:
        self.origin = origin
        self.code = code
        self.err = err
        self.info = info
        self.data = data
        self.at = at
        self.payload = payload


class ErrorQueue:
    """``count`` reports waiting to be read, ``copies`` of them of zero-copy sends; ``held`` octets are the pool's.

    Timestamps share the receive buffer with what came, and are counted where there is no room; a zero-copy send is
    always reported, net.core.optmem_max bounds them.
    """

    __slots__ = ("copies", "count", "counters", "held", "is_closed", "pool", "reports")

    def __init__(self, pool: MemoryPool, counters: Counters) -> None:
        self.pool = pool
        self.counters = counters
        self.reports: deque[Report] = deque()
        self.copies = self.count = 0
        self.held = 0
        self.is_closed = False

    def __len__(self) -> int:
        return len(self.reports)

    def zerocopy(self, number: int, copied: bool) -> None:
        """Send number ``number`` needs its octets no more. Neighbours become one report of a range."""
        last = self.reports[-1] if self.reports else None
        if last is not None and last.origin == ORIGIN_ZEROCOPY and number == (last.data + 1) & 0xFFFFFFFF:
            last.data = number
        elif not self.is_closed:
            self.pool.force(REPORT_COST)
            self.copies += 1
            self._add(Report(ORIGIN_ZEROCOPY, CODE_ZEROCOPY_COPIED if copied else 0, 0, number, number, 0, b""))

    def timestamp(self, what: int, key: int, at: int, payload: bytes, room: int) -> None:
        """The octet with this key was handed down, left, or was acknowledged, at an instant.

        ``room`` is what the receive buffer has left for the whole queue.
        """
        cost = REPORT_COST + len(payload)
        if self.is_closed:
            return
        if self.held + cost > room or not self.pool.charge(cost):
            self.counters.drop("tcp_report_refused")
            return
        self._add(Report(ORIGIN_TIMESTAMPING, 0, ENOMSG, what, key & 0xFFFFFFFF, at, payload))

    def _add(self, report: Report) -> None:
        self.held += REPORT_COST + len(report.payload)
        self.reports.append(report)
        self.count += 1

    def take(self) -> Report | None:
        """The oldest report, None when there is none."""
        if not self.reports:
            return None
        report = self.reports.popleft()
        cost = REPORT_COST + len(report.payload)
        self.held -= cost
        self.pool.uncharge(cost)
        self.count -= 1
        self.copies -= report.origin == ORIGIN_ZEROCOPY
        return report

    def close(self) -> None:
        """Nobody will read it any more."""
        self.is_closed = True
        self.pool.uncharge(self.held)
        self.held = 0
        self.reports.clear()
        self.count = self.copies = 0

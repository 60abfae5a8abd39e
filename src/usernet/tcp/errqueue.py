"""What MSG_ERRQUEUE reads: completions of zero-copy sends and timestamps of what was sent (Linux's sk_error_queue)."""

from __future__ import annotations

from collections import deque

# struct sock_extended_err's ee_origin and ee_code, and ee_info of a timestamp (include/uapi/linux/errqueue.h).
ORIGIN_TIMESTAMPING = 4
ORIGIN_ZEROCOPY = 5
CODE_ZEROCOPY_COPIED = 1
TSTAMP_SND = 0
TSTAMP_SCHED = 1
TSTAMP_ACK = 2
ENOMSG = 42


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
    """``count`` reports waiting to be read, ``limit`` at most; what does not fit is counted in ``dropped``.

    ``copies`` of them are of zero-copy sends.
    """

    __slots__ = ("copies", "count", "dropped", "limit", "reports")

    def __init__(self, limit: int) -> None:
        self.reports: deque[Report] = deque()
        self.limit = limit
        self.copies = self.count = self.dropped = 0

    def __len__(self) -> int:
        return len(self.reports)

    def zerocopy(self, number: int, copied: bool) -> None:
        """Send number ``number`` needs its octets no more. Neighbours become one report of a range."""
        last = self.reports[-1] if self.reports else None
        if last is not None and last.origin == ORIGIN_ZEROCOPY and number == (last.data + 1) & 0xFFFFFFFF:
            last.data = number
            return
        self.add(Report(ORIGIN_ZEROCOPY, CODE_ZEROCOPY_COPIED if copied else 0, 0, number, number, 0, b""))

    def timestamp(self, what: int, key: int, at: int, payload: bytes) -> None:
        """The octet with this key was handed down, left, or was acknowledged, at an instant."""
        self.add(Report(ORIGIN_TIMESTAMPING, 0, ENOMSG, what, key & 0xFFFFFFFF, at, payload))

    def add(self, report: Report) -> None:
        """At the end, unless the queue is full."""
        if len(self.reports) >= self.limit:
            self.dropped += 1
        else:
            self.reports.append(report)
            self.count += 1
            self.copies += report.origin == ORIGIN_ZEROCOPY

    def take(self) -> Report | None:
        """The oldest report, None when there is none."""
        if not self.reports:
            return None
        report = self.reports.popleft()
        self.count -= 1
        self.copies -= report.origin == ORIGIN_ZEROCOPY
        return report

"""Marks in the send stream: where a segment must end, and whom to tell when octets leave or are acknowledged.

Most connections have none. Positions are those of the send queue, one past the octet that is meant.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .errqueue import TSTAMP_ACK, TSTAMP_SCHED, TSTAMP_SND, ErrorQueue

if TYPE_CHECKING:
    import cython

# SO_TIMESTAMPING's flags (include/uapi/linux/net_tstamp.h).
TX_SOFTWARE = 1 << 1
RX_SOFTWARE = 1 << 3
SOFTWARE = 1 << 4
OPT_ID = 1 << 7
TX_SCHED = 1 << 8
TX_ACK = 1 << 9
OPT_TSONLY = 1 << 11
OPT_ID_TCP = 1 << 16
OPT_RX_FILTER = 1 << 17
TX_RECORD = 1 << 0 | TX_SOFTWARE | TX_SCHED | TX_ACK
# What an outstanding zero-copy send is charged against net.core.optmem_max.
NOTE_COST = 768


class Stamp:
    """A write whose last octet is to be timestamped: ``kinds`` are SO_TIMESTAMPING's flags; reports quote it."""

    __slots__ = ("end", "key", "kinds", "octets")

    def __init__(self, end: int, key: int, kinds: int, octets: bytes) -> None:
        self.octets = octets
        self.end = end
        self.key = key
        self.kinds = kinds


class SendMarks:
    """``bounds`` end segments (MSG_EOR, zero-copy pieces); ``next_bound`` is the first, -1 for none,
    ``next_pushed`` whether the segment before it is pushed.

    ``copies`` are zero-copy sends not yet acknowledged: (end, number, copied). ``unsent`` and ``unacked`` are stamps.
    """

    __slots__ = ("bounds", "copies", "errors", "next_bound", "next_copy", "next_pushed", "unacked", "unsent")

    def __init__(self, errors: ErrorQueue) -> None:
        self.errors = errors
        self.bounds: deque[int] = deque()
        self.copies: deque[tuple[int, int, bool]] = deque()
        self.unsent: deque[Stamp] = deque()
        self.unacked: deque[Stamp] = deque()
        self.next_bound = -1
        self.next_pushed = False
        self.next_copy = 0

    def bound(self, end: int, pushed: bool) -> None:
        """No segment carries octets on both sides of this position; ``pushed``: the one before it has PSH."""
        if not self.bounds or self.bounds[-1] >> 1 < end:
            self.bounds.append(end << 1 | pushed)
            self._look()

    def _look(self) -> None:
        first = self.bounds[0] if self.bounds else -2
        self.next_bound = first >> 1
        self.next_pushed = first & 1 != 0

    def ends_at(self, position: cython.longlong) -> cython.bint:
        """True when the queue's last octet may get no neighbour in its segment."""
        return bool(self.bounds) and self.bounds[-1] >> 1 == position

    def zerocopy_is_full(self, limit: int) -> bool:
        """True when no further zero-copy send may be outstanding (net.core.optmem_max)."""
        return (len(self.copies) + self.errors.copies + 1) * NOTE_COST > limit

    def zerocopy(self, end: int, copied: bool) -> None:
        """A zero-copy send ends here; its number is the next one."""
        self.copies.append((end, self.next_copy, copied))
        self.next_copy = (self.next_copy + 1) & 0xFFFFFFFF

    def stamp(self, end: int, key: int, kinds: int, octets: bytes) -> None:
        """A write ends here whose last octet is to be timestamped. The last write of a segment speaks for it."""
        self.unsent.append(Stamp(end, key, kinds, b"" if kinds & OPT_TSONLY else octets))

    def sent(self, upto: cython.longlong, now: cython.longlong, room: cython.longlong) -> cython.bint:
        """Octets before ``upto`` were sent for the first time. True when the error queue has news.

        ``room`` is what the receive buffer has for its reports.
        """
        stamp: Stamp | None = None
        while self.bounds and self.bounds[0] >> 1 <= upto:
            self.bounds.popleft()
        self._look()
        while self.unsent and self.unsent[0].end <= upto:
            stamp = self.unsent.popleft()
        if stamp is None:
            return False
        if stamp.kinds & TX_SCHED:
            self.errors.timestamp(TSTAMP_SCHED, stamp.key, now, stamp.octets, room)
        if stamp.kinds & TX_SOFTWARE:
            self.errors.timestamp(TSTAMP_SND, stamp.key, now, stamp.octets, room)
        if stamp.kinds & TX_ACK:
            self.unacked.append(stamp)
        return stamp.kinds & (TX_SCHED | TX_SOFTWARE) != 0

    def acked(self, upto: cython.longlong, now: cython.longlong, room: cython.longlong) -> cython.bint:
        """Octets before ``upto`` were acknowledged. True when the error queue has news."""
        news = False
        while self.unacked and self.unacked[0].end <= upto:
            stamp = self.unacked.popleft()
            self.errors.timestamp(TSTAMP_ACK, stamp.key, now, stamp.octets, room)
            news = True
        while self.copies and self.copies[0][0] <= upto:
            _, number, copied = self.copies.popleft()
            self.errors.zerocopy(number, copied)
            news = True
        return news

    def ended(self) -> cython.bint:
        """The connection is over: nothing is needed any more. True when the error queue has news."""
        news = bool(self.copies)
        for _, number, copied in self.copies:
            self.errors.zerocopy(number, copied)
        self.copies.clear()
        self.unsent.clear()
        self.unacked.clear()
        self.bounds.clear()
        self._look()
        return news

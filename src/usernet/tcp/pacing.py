"""When a segment may leave: departure times at a rate, as Linux's fq gives them, one timer a connection.

Every segment sent moves ``next_at`` on by the time it takes at the pacing rate. Sending before that instant arms the
timer instead. A sender that comes late may catch up on half of what it lost, so that the granularity of timers does
not cost throughput (Linux's tcp_update_skb_after_send).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.const import NEVER, SECOND
from ..core.timers import Timer, TimerOwner, Timers
from .congestion.base import CongestionControl
from .const import T_PACE
from .sysctls import Sysctls

if TYPE_CHECKING:
    import cython

# A super-segment is what is sent in this part of a second: 1/1024 (Linux's sk_pacing_shift).
BURST_SHIFT = 10
# After so many halvings nothing is left of the largest super-segment.
ALL_HALVINGS = 31


class Pacer:
    """One connection's departure times. ``rate`` is octets a second, NEVER for none; ``is_on`` says it is heeded.

    ``spreads`` is one more reason to: a window that nothing validates leaves in no burst (RFC 7661 4.4.2).
    """

    __slots__ = ("is_on", "max_rate", "next_at", "rate", "spreads", "sysctls", "timer")

    def __init__(self, sysctls: Sysctls) -> None:
        self.sysctls: Sysctls = sysctls
        self.is_on = self.spreads = False
        self.rate = self.max_rate = NEVER
        self.next_at = 0
        self.timer: Timer | None = None

    def setup(self, cc: CongestionControl, max_rate: cython.longlong, timers: Timers, owner: TimerOwner) -> None:
        """Pace or not, by what the control, SO_MAX_PACING_RATE (-1: unset) and the queueing discipline ask."""
        self.max_rate = max_rate if max_rate >= 0 else NEVER
        cc.is_paced = self.is_on = cc.needs_pacing or max_rate >= 0 or self.sysctls.is_fq or self.spreads
        if self.is_on and self.timer is None:
            self.timer = Timer(timers, owner, T_PACE)
        self.update(cc, 0)

    def close(self) -> None:
        """The connection ends."""
        self.is_on = False
        if self.timer is not None:
            self.timer.destroy()
            self.timer = None

    def update(self, cc: CongestionControl, packets_out: cython.longlong) -> None:
        """Take the rate the congestion control set, or else derive it from its window."""
        rate: cython.longlong = cc.pacing_rate
        if rate <= 0:
            rate = self.window_rate(cc, packets_out)
        self.rate = rate if rate < self.max_rate else self.max_rate

    def window_rate(self, cc: CongestionControl, packets_out: cython.longlong) -> cython.longlong:
        """cwnd over a round trip, times tcp_pacing_ss_ratio or tcp_pacing_ca_ratio; NEVER while no round trip is known.

        In the second half of its way to ssthresh slow start is about to end, and is paced as congestion avoidance.
        """
        segs: cython.longlong = cc.cwnd
        if cc.rtt.srtt == 0:
            return NEVER
        if packets_out > segs:
            segs = packets_out
        if cc.cwnd < cc.ssthresh >> 1:
            segs *= self.sysctls.pacing_ss_ratio
        else:
            segs *= self.sysctls.pacing_ca_ratio
        # In this order it stays below 2**63 for windows of up to a gigaoctet.
        return segs * cc.mss * (SECOND // 100) // cc.rtt.srtt

    def may_leave(self, now: cython.longlong) -> cython.bint:
        """Of a connection that is paced: whether a segment may leave now. If not, the timer will call."""
        if now >= self.next_at:
            return True
        if self.timer is not None and not self.timer.is_armed():
            self.timer.arm(self.next_at)
        return False

    def sent(self, octets: cython.longlong, now: cython.longlong) -> None:
        """So many octets of text left: the next may follow when their time at this rate has passed."""
        span: cython.longlong
        late: cython.longlong = now - self.next_at
        if late > 0:
            self.next_at = now
        if self.rate >= NEVER or self.rate <= 0:
            return
        span = octets * SECOND // self.rate
        if late > 0:
            span -= late if late < span >> 1 else span >> 1
        self.next_at += span

    def burst(self, cc: CongestionControl, packets_out: cython.longlong, largest: cython.longlong) -> cython.uint:
        """Of how many segments a super-segment is made: a millisecond's worth (Linux's tcp_tso_autosize).

        On a short path it is more, for there bursts end soon (tcp_tso_rtt_log); never less than tcp_min_tso_segs.
        ``largest`` is what the path takes, in octets.
        """
        least: cython.longlong = cc.min_tso_segs if cc.min_tso_segs > 0 else self.sysctls.min_tso_segs
        octets: cython.longlong
        halvings: cython.longlong = ALL_HALVINGS
        if self.sysctls.tso_rtt_log > 0 and cc.rtt.min_rtt != NEVER:
            halvings = cc.rtt.min_rtt // 1000 >> self.sysctls.tso_rtt_log
        if halvings == 0:
            return largest // cc.mss + 1
        octets = (self.rate if self.is_on else self.window_rate(cc, packets_out)) >> BURST_SHIFT
        if halvings < ALL_HALVINGS:
            octets += largest >> halvings
        if octets > largest:
            octets = largest
        octets //= cc.mss
        return octets if octets > least else least
